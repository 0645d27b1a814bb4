"""Codes, notes, invitations and applications come back from their items as they went in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.domain.codes import CodeStatus, PartnerCode
from refledger.domain.errors import ApplicationNotFound, CodeNotFound, InvitationNotFound
from refledger.domain.invitations import Application, ApplicationStatus, ContactDetails, Invitation, InvitationStatus
from refledger.domain.partners import PartnerNote
from refledger.store import applications, codes, invitations, keys, notes
from refledger.store.attributes import pack, unpack
from refledger.store.table import Table
from refledger.store.transaction import Write
from tests.support.books import Books

IDS = st.text("0123456789abcdefghijklmnopqrstuv", min_size=16, max_size=16)
TEXT = st.text(max_size=9)
CODES = st.text("ABCDEFGHJK0123456789-_", min_size=4, max_size=32)
MOMENTS = st.integers(10**12, 10**13 - 1)
TAGS = st.lists(TEXT, max_size=3).map(tuple)
PEOPLE = st.builds(ContactDetails, TEXT, TEXT, TEXT, TEXT, TEXT)


def through_the_wire(write: Write) -> dict[str, Any]:
    """An item as DynamoDB gives it back."""
    return unpack(pack(write.target))


@given(st.builds(PartnerCode, IDS, CODES, MOMENTS, TEXT, TEXT, st.sampled_from(CodeStatus), st.booleans()))
def test_codes(code: PartnerCode) -> None:
    """Every field; that it is not the main one follows from its being an item."""
    assert codes.from_item(through_the_wire(codes.create(code))) == code


@given(
    st.builds(
        Invitation, IDS, st.just("default"), PEOPLE, st.sampled_from(InvitationStatus), MOMENTS, MOMENTS, IDS, TEXT,
        TAGS, TEXT, TEXT,
    )
)  # fmt: skip
def test_invitations(invitation: Invitation) -> None:
    """Every field, the person among them."""
    assert invitations.from_item(through_the_wire(invitations.create(invitation))) == invitation


@given(
    st.builds(
        Application, IDS, st.just("default"), PEOPLE, IDS, TEXT, MOMENTS, IDS, st.sampled_from(ApplicationStatus), TEXT,
        st.integers(0, 10**13), TEXT, TEXT,
    )
)  # fmt: skip
def test_applications(application: Application) -> None:
    """Every field; its guard is the applicant's."""
    made, guard = applications.create(application)
    assert applications.from_item(through_the_wire(made)) == application
    assert guard.target == {**keys.applicant(application.user), "application": application.id}


def test_an_invitation_is_no_application(books: Books) -> None:
    """The same id, in the same partition: each is found as what it is, and nothing where there is nothing."""
    table: Table = books.table
    one = Invitation("i" * 16, "default", ContactDetails(), InvitationStatus.PENDING, 10**12, 10**12, "ann")
    table.commit(invitations.create(one))
    with pytest.raises(ApplicationNotFound):
        applications.find(table, one.id)
    table.commit(*applications.create(Application("a" * 16, "default", ContactDetails(), "u", "", 10**12, "body")))
    with pytest.raises(InvitationNotFound):
        invitations.find(table, "a" * 16)
    with pytest.raises(CodeNotFound):
        codes.find(table, "p" * 16, "CODE")
    assert (invitations.many(table, []), applications.many(table, [])) == ([], [])


def test_notes_come_back_and_a_missing_one_is_a_fault(books: Books) -> None:
    """A note is never deleted: who asks for one that is not there has made a mistake."""
    note = PartnerNote("n" * 16, "text", "ann", 10**12)
    books.table.commit(notes.create("p" * 16, note))
    assert notes.find(books.table, "p" * 16, note.at_ms, note.id) == note
    assert [each for _, each in notes.newest(books.table, "p" * 16, "", 5)] == [note]
    missing = replace(note, id="m" * 16)
    with pytest.raises(LookupError):
        notes.find(books.table, "p" * 16, missing.at_ms, missing.id)
