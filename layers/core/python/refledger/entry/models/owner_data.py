"""What the owner calls something, and keeps with it, over HTTP."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from refledger.domain import texts
from refledger.domain.owner_data import MAX_EXTERNAL_ID, MAX_METADATA, MAX_METADATA_KEY, MAX_METADATA_VALUE
from refledger.entry.models.common import Exact

ExternalId = Annotated[Exact, Field(min_length=1, max_length=MAX_EXTERNAL_ID, examples=["crm-4711"])]
ExternalIdOrNone = Annotated[Exact, Field(max_length=MAX_EXTERNAL_ID, examples=["crm-4711"])]  # "": none
_Key = Annotated[str, Field(min_length=1, max_length=MAX_METADATA_KEY), AfterValidator(texts.exact)]
_Value = Annotated[str, Field(max_length=MAX_METADATA_VALUE), AfterValidator(texts.exact)]
MetadataBody = Annotated[dict[_Key, _Value], Field(max_length=MAX_METADATA, examples=[{"region": "north"}])]
