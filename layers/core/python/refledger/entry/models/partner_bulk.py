"""Many partners in one call, over HTTP."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from refledger.adapters.ids import Ids
from refledger.domain.partners import PartnerStatus
from refledger.entry.models.common import Body, Note, Tags, View
from refledger.entry.models.partners import NewPartnerBody, PartnerChanges, Status
from refledger.operations.bulk import BulkResult
from refledger.operations.partners.partner_bulk import StatusChange, Step, Update

MOST = 50  # in one call
PartnerId = Annotated[str, Field(pattern="^[a-v0-9]{16}$")]


class UpdateItem(PartnerChanges):
    """`version`: the partner's current one, as in If-Match."""

    id: PartnerId
    version: Annotated[int, Field(ge=1, le=999_999_999)]
    tags: Tags | None = None

    def to_step(self) -> Update:
        tags = tuple(self.tags) if self.tags is not None else None
        return Update(self.id, self.to_changes(tags), self.version)


class StatusItem(Body):
    id: PartnerId
    status: Status
    reason: Annotated[Note, Field(min_length=1)]

    def to_step(self) -> StatusChange:
        return StatusChange(self.id, self.status, self.reason)


class BulkBody(Body):
    """1 to 50 in all."""

    create: Annotated[list[NewPartnerBody], Field(max_length=MOST)] = Field(default=[])
    update: Annotated[list[UpdateItem], Field(max_length=MOST)] = Field(default=[])
    status: Annotated[list[StatusItem], Field(max_length=MOST)] = Field(default=[])

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not 1 <= len(self.create) + len(self.update) + len(self.status) <= MOST:
            raise ValueError(f"1 to {MOST} of create, update and status in all")
        return self

    def to_steps(self, ids: Ids) -> list[Step]:
        new = [each.to_partner(ids.user(each.sub) if each.sub else "") for each in self.create]
        return [*new, *(each.to_step() for each in self.update), *(each.to_step() for each in self.status)]


class PartnerBulkResult(View):
    """`status`: the partner's, where it was done; else `code` and `detail` say why it was not."""

    id: str | None
    status: PartnerStatus | None
    code: str | None
    detail: str | None

    @classmethod
    def of(cls, result: BulkResult) -> Self:
        return cls(id=result["id"], status=result["status"], code=result.get("code"), detail=result.get("message"))


class BulkView(View):
    """One for each, in their order: those of `create`, of `update`, of `status`."""

    results: list[PartnerBulkResult]
