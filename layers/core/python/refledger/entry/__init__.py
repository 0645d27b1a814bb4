"""What the handlers share: HTTP, events, configuration, observability."""

import gc

# A cold start makes some hundred thousand objects that stay: to look for garbage among them again and again is a tenth
# of it. `config.environment` sets them aside; what calls leave behind in circles later is little, and is found.
gc.set_threshold(100_000)
