"""What the handlers share: HTTP, events, configuration, observability."""

import gc

# A cold start makes some hundred thousand objects that stay: to look for garbage among them again and again is a tenth
# of it. `config.environment` sets them aside; what calls leave behind in circles later is little, and is found.
gc.set_threshold(100_000)


def _no_plugins() -> None:
    """Spare Pydantic the search for plugins, of which the layer has none.

    It loads importlib.metadata with all of e-mail and ZIP files for it, before it asks PYDANTIC_DISABLE_PLUGINS: a
    twentieth of a cold start. Where Pydantic looks elsewhere, this does nothing.
    """
    import sys
    from types import ModuleType

    loader = ModuleType("pydantic.plugin._loader")
    loader.get_plugins = tuple  # type: ignore[attr-defined]
    sys.modules.setdefault(loader.__name__, loader)


_no_plugins()
