"""Every key of the table. No other file knows how one is put together.

pk / sk                                what
G / <program>                          program
G#<program> / V#<version> | C#<change>  program as it was in that version; looser terms that wait, or waited
P#<partner> / A | B#<CUR> | D#<CUR>    partner; balance; how far its rewards were looked at
P#<partner> / D#                       how far the daily look found none of them to wait
P#<partner> / L#<CUR>#<month>#<program>  what was kept in a month of payments that is under a cap
P#<partner> / M#<id>#<version> | M     payout method; how many there are
P#<partner> / C#<CODE> | N#<ms>#<id>   a further code of theirs; what staff wrote about them
U#CODE#…, U#EMAIL#…, U#SUB#…, U#KEY#…  guards: one of its kind in the deployment
U#ALIKE#<kind>#<hash> / <partner>      who has this account, folded e-mail address, or folded name and phone
U#LOOK#<folded code>                   guard: which code looks like this
U#REFUND#…, U#DISPUTE#… / A            guard: the payment of a refund or dispute of a sender
U#APPLICANT#…                          guard: the application of a user that waits
C#<program>#<customer> / A | H#<ms>#<payment>  binding of a customer; a payment that is rated again if their first moves
C#<program>#<customer> / T#<ms>#<payment>  what a system told of a payment of theirs, where several systems do
C#*#<customer> / P#<program> | U#<ms>#<payment>  where they are referred; what they paid while they were not
F#<partner> / <b32(ms, hash)>          referral
E#<payment> / A | R#<refund> | D#<dispute> | S | T  payment; a refund, a dispute of it; that one of them is suspect;
                                       that it may be another payment
R#<partner> / <b32(due, CUR, src, tier)>  reward
R#<partner>#<n> / …                    the same, of a partner whose rewards are spread; which n, the id says
J#<partner>#<CUR> / <day>#<version>    journal entry
W#<withdrawal> / A | N#<n> | T#<kind>  withdrawal; what people wrote about it; the token its workflow waits with
W#<withdrawal> / S#<ms>#<id>           who was shown the whole account
B#<batch> / A | D#<ms>#<request>       batch of bank transfers; who was given its file
X#<adjustment> / A                     adjustment or write-off
S#P#<partner> / D#<day>#<shard> | T    roll-up of a day; totals
S#P#<partner>#<generation> / …         the same, of a generation that was built anew
S#PROGRAM#<program>#<generation> / …   a program's; S#COHORT#<program>#<year>#…, S#DUE#<program>#… beside it
S#JOURNAL#<generation>, S#WITHDRAWALS#… / …  the journal's, by account and kind; the withdrawals', by status
S#G#<partner | PROGRAM#… | BOOKS> / A  which generation of them counts
TOP#<program> / <month or ALL>#<metric>  leaderboard
K#<code> / D#<day>#<lane> | D#<day> | T  clicks of a day; of a closed day; all of before
Q#<program> / <folded text>#<partner>  search row
A#<entity> / <ms>#<number>             audit
N#<user> / A                           somebody who acts for the owner, with their name
U#LEAD#… / A | W                       guard: the referral of a lead; what a CRM has told of it
I#<id> / A | I                         application; invitation
O#<user> / OPEN                        their jobs that may be open
O#<id> / A | R#<line>                  job; what became of lines of an import
H#<request> / A                        answer of a bulk call
L#<caller>#<class> / <minute>          rate limit counter
Y#P#<partner>, Y#A#<actor> / A         what a day has seen of them, and who did what for the partner
V#<lane> / <ms>#<number>               whose money the stream told of: they are verified next
V / partners#<partner> | earned#<payment>  what is wrong with the books, as the deployment found it
G# / SHARDS                            over how many shards payments are spread, and rewards of busy partners
SYS / <name> | MIGRATION#<name>        how far a schedule has looked; how far what older releases left was moved on
SYS / STOPPED                          that everything which books and pays is stopped, and why

Indexes: `list` (l1, l2) for what people page through, `work` (w1, w2) for what waits for somebody or for a time.
Ids: a reward's or referral's id is its partner's id (16 characters) and its sort key, so its key follows from it.
Text from outside enters a key only as a keyed hash.
"""

from __future__ import annotations

import zlib
from typing import Final

from refledger.domain import base32
from refledger.domain.times import day

Key = dict[str, str]

PARTNER_ID_LENGTH: Final = 16
REWARD_ID_LENGTH: Final = PARTNER_ID_LENGTH + 32
REFERRAL_ID_LENGTH: Final = PARTNER_ID_LENGTH + 24
LONG_ID_LENGTH = 24  # of payments and withdrawals
NEVER: Final = 9_999_999_999_999  # sorts after every time
LOWEST, HIGHEST = "!", "~"  # sort before and after every sort key
FIRST_MS, LAST_MS = 10**12, 10**13 - 1  # 13 digits, from 2001 to 2286: as text they sort like numbers
DUE_SHARDS: Final = 32  # never less than it was; the table may know of more, see `shards`
ALONE: Final = "A"
_SOURCE_BYTES: Final = 10  # of a payment's id in a reward's
_TIER_BITS: Final = 4  # of a reward id's last byte: no program has more than ten tiers


def _key(pk: str, sk: str = ALONE) -> Key:
    return {"pk": pk, "sk": sk}


def program(program_id: str) -> Key:
    return _key("G", program_id)


def programs() -> str:
    return "G"


def program_version(program_id: str, version: int) -> Key:
    return _key(f"G#{program_id}", f"V#{version:06d}")


def program_versions(program_id: str) -> tuple[str, str, str]:
    """Partition, lowest and highest sort key."""
    return f"G#{program_id}", "V#", "V#~"


def program_change(program_id: str, change_id: str) -> Key:
    return _key(f"G#{program_id}", f"C#{change_id}")


def program_changes(program_id: str) -> tuple[str, str, str]:
    """Partition, lowest and highest sort key."""
    return f"G#{program_id}", "C#", "C#~"


def program_change_id(version: int, digest: str) -> str:
    """Ids sort by the version of the program that was to be changed."""
    return f"{version:06d}{digest}"


def partner(partner_id: str) -> Key:
    return _key(f"P#{partner_id}")


def balance(partner_id: str, currency: str) -> Key:
    return _key(f"P#{partner_id}", f"B#{currency}")


def due_cursor(partner_id: str, currency: str) -> Key:
    return _key(f"P#{partner_id}", f"D#{currency}")


def overdue_mark(partner_id: str) -> Key:
    """Up to where the daily look has found none of their rewards to wait, of whatever currency."""
    return _key(f"P#{partner_id}", "D#")


def capped_month(partner_id: str, currency: str, month: str, program_id: str) -> Key:
    return _key(f"P#{partner_id}", f"L#{currency}#{month}#{program_id}")


def capped_months(partner_id: str) -> tuple[str, str, str]:
    """Partition, lowest and highest sort key of a partner's months under a cap."""
    return f"P#{partner_id}", "L#", "L#~"


def balances(partner_id: str) -> tuple[str, str, str]:
    """Partition, lowest and highest sort key of a partner's balances."""
    return f"P#{partner_id}", "B#", "B#~"


def method(partner_id: str, method_id: str, version: int) -> Key:
    return _key(f"P#{partner_id}", f"M#{method_id}#{version:03d}")


def method_count(partner_id: str) -> Key:
    return _key(f"P#{partner_id}", "M")


def methods(partner_id: str) -> tuple[str, str, str]:
    """Partition, lowest and highest sort key of a partner's payout methods."""
    return f"P#{partner_id}", "M#", "M#~"


def versions_of_method(partner_id: str, method_id: str) -> tuple[str, str, str]:
    return f"P#{partner_id}", f"M#{method_id}#", f"M#{method_id}#~"


def code(code: str) -> Key:
    return _key(f"U#CODE#{code}")


def alike(kind: str, hashed: str, partner_id: str) -> Key:
    """That a partner has something which other partners may have too."""
    return _key(f"U#ALIKE#{kind}#{hashed}", partner_id)


def all_alike(kind: str, hashed: str) -> str:
    return f"U#ALIKE#{kind}#{hashed}"


def look(folded: str) -> Key:
    """The guard of what a code looks like to somebody who reads it: no other code may look so."""
    return _key(f"U#LOOK#{folded}")


def email(hashed: str) -> Key:
    return _key(f"U#EMAIL#{hashed}")


def applicant(hashed: str) -> Key:
    return _key(f"U#APPLICANT#{hashed}")


def application(application_id: str) -> Key:
    return _key(f"I#{application_id}")


def invitation(invitation_id: str) -> Key:
    return _key(f"I#{invitation_id}", "I")


def partner_code(partner_id: str, code: str) -> Key:
    """A code of theirs that is not, or no longer, their main one."""
    return _key(f"P#{partner_id}", f"C#{code}")


def partner_codes(partner_id: str) -> tuple[str, str, str]:
    """Partition, lowest and highest sort key."""
    return f"P#{partner_id}", "C#", "C#~"


def note(partner_id: str, at_ms: int, id: str) -> Key:
    """A note that staff wrote about a partner."""
    return _key(f"P#{partner_id}", f"N#{at_ms}#{id}")


def notes(partner_id: str) -> tuple[str, str, str]:
    """Partition, lowest and highest sort key."""
    return f"P#{partner_id}", "N#", "N#~"


def search_row(program_id: str, folded: str, partner_id: str) -> Key:
    return _key(f"Q#{program_id}", f"{folded}#{partner_id}")


def search_rows(program_id: str, start: str) -> tuple[str, str, str]:
    """Partition, lowest and highest sort key of what begins with `start`: sort keys go by their UTF-8."""
    return f"Q#{program_id}", start, start + "\U0010ffff"


def found_in(search_row: Key) -> tuple[str, str]:
    """The folded text and the partner of a search row."""
    folded, _, partner_id = search_row["sk"].rpartition("#")
    return folded, partner_id


def user(hashed: str) -> Key:
    return _key(f"U#SUB#{hashed}")


def person(user: str) -> Key:
    """A person who acted, under the keyed hash by which everything else names them."""
    return _key(f"N#{user}")


def lead(hashed: str) -> Key:
    return _key(f"U#LEAD#{hashed}")


def job(job_id: str) -> Key:
    return _key(f"O#{job_id}")


def open_jobs_of(owner: str) -> Key:
    """The jobs of somebody that are, or were lately, open."""
    return _key(f"O#{owner}", "OPEN")


def job_lines(job_id: str, first_line: int) -> Key:
    """The results of an import's lines from this one on."""
    return _key(f"O#{job_id}", f"R#{first_line:07d}")


def job_lines_until(job_id: str, first_line: int) -> tuple[str, str, str]:
    """Partition, lowest and highest sort key of those that begin at this line or before."""
    return f"O#{job_id}", "R#", f"R#{first_line:07d}"


def job_lines_after(job_id: str, first_line: int) -> tuple[str, str, str]:
    return f"O#{job_id}", f"R#{first_line:07d}~", "R#~"


def lead_facts(hashed: str) -> Key:
    """The facts that a CRM has told of a lead."""
    return _key(f"U#LEAD#{hashed}", "W")


def answer(hashed: str) -> Key:
    """The results of a bulk call, for its repeat."""
    return _key(f"H#{hashed}")


def request(hashed: str) -> Key:
    return _key(f"U#KEY#{hashed}")


def binding(program_id: str, customer: str) -> Key:
    return _key(f"C#{program_id}#{customer}")


def customer_program(customer: str, program_id: str) -> Key:
    return _key(f"C#*#{customer}", f"P#{program_id}")


def programs_of_customer(customer: str) -> tuple[str, str, str]:
    """Partition, lowest and highest sort key."""
    return f"C#*#{customer}", "P#", "P#~"


def of_customer(customer: str) -> str:
    """The partition of what is known of a customer over all programs."""
    return f"C#*#{customer}"


def nobodys_payment(customer: str, at_ms: int, payment: str) -> Key:
    """A payment that the customer made while nobody had referred them."""
    return _key(f"C#*#{customer}", f"U#{at_ms:013d}#{payment}")


def nobodys_payments(customer: str, from_ms: int, until_ms: int = NEVER) -> tuple[str, str, str]:
    """Partition, lowest and highest sort key of those made at `from_ms` or later and before `until_ms`."""
    return f"C#*#{customer}", f"U#{from_ms:013d}", f"U#{until_ms:013d}"


def paid_within(program_id: str, customer: str, from_ms: int, until_ms: int) -> tuple[str, str, str]:
    """Partition, lowest and highest sort key of a customer's payments from `from_ms` to before `until_ms`."""
    return f"C#{program_id}#{customer}", f"H#{from_ms:013d}", f"H#{until_ms:013d}"


def paid_at(program_id: str, customer: str, at_ms: int, payment: str) -> Key:
    return _key(f"C#{program_id}#{customer}", f"H#{at_ms:013d}#{payment}")


def payment_in(paid_at: Key) -> tuple[int, str]:
    """Read when, and which, of a customer's payment: epoch milliseconds, and its id."""
    _, at_ms, payment = paid_at["sk"].split("#")
    return int(at_ms), payment


def sighting(program_id: str, customer: str, at_ms: int, payment: str) -> Key:
    """A payment of the customer's as a system told of it."""
    return _key(f"C#{program_id}#{customer}", f"T#{at_ms:013d}#{payment}")


def sightings(program_id: str, customer: str, from_ms: int, until_ms: int) -> tuple[str, str, str]:
    """Partition, lowest and highest sort key of those from one moment until another, both included."""
    return f"C#{program_id}#{customer}", f"T#{from_ms:013d}", f"T#{until_ms:013d}~"


def to_be_rated() -> str:
    return "RATE"


def referral_id(partner_id: str, at_ms: int, digest: bytes) -> str:
    return partner_id + base32.encode(at_ms.to_bytes(6) + digest[:9])


def referred_at(referral_id: str) -> int:
    """Read when the referral was made, in epoch milliseconds."""
    return int.from_bytes(base32.decode(referral_id[PARTNER_ID_LENGTH:])[:6])


def referral(referral_id: str) -> Key:
    return _key(f"F#{referral_id[:PARTNER_ID_LENGTH]}", referral_id[PARTNER_ID_LENGTH:])


def is_referral_id(text: str) -> bool:
    """Return whether a referral could have this id.

    Its key is a slice of it, and neither part may be empty.
    """
    return len(text) == REFERRAL_ID_LENGTH


def referrals(partner_id: str) -> str:
    return f"F#{partner_id}"


def referrals_from(at_ms: int) -> str:
    """Return where those referrals of a partner begin that were made at `at_ms` or later."""
    return base32.encode(max(0, at_ms).to_bytes(6) + bytes(9))


def payment(payment: str) -> Key:
    return _key(f"E#{payment}")


def refund(payment: str, hashed: str) -> Key:
    """A refund, under its payment."""
    return _key(f"E#{payment}", f"R#{hashed}")


def dispute(payment: str, hashed: str) -> Key:
    """A dispute, under its payment."""
    return _key(f"E#{payment}", f"D#{hashed}")


def refund_guard(hashed: str) -> Key:
    """The guard of a refund, with its payment: its id belongs to its sender, not to the payment."""
    return _key(f"U#REFUND#{hashed}")


def dispute_guard(hashed: str) -> Key:
    return _key(f"U#DISPUTE#{hashed}")


def suspect(payment: str) -> Key:
    """That something came under the payment's name which cannot be of it."""
    return _key(f"E#{payment}", "S")


def possible_duplicate(payment: str) -> Key:
    """That the payment may be another one, which another system told of."""
    return _key(f"E#{payment}", "T")


def taken_back(payment: str) -> tuple[str, str, str]:
    """Partition, lowest and highest sort key of a payment's refunds and disputes."""
    return f"E#{payment}", "D#", "R#~"


def reward_id(partner_id: str, due_ms: int, currency: str, payment: str, tier: int, spread: int = 0) -> str:
    """Make a reward's id: its partner's id, and its sort key.

    `spread`: over how many shards the partner's rewards are put when it is made, as a power of two. It stands in the id
    for good, beside the tier, so that the id alone says where the reward lies, however many there are later.
    """
    source = base32.decode(payment)[:_SOURCE_BYTES]
    last = spread << _TIER_BITS | tier
    return partner_id + base32.encode(due_ms.to_bytes(6) + currency.encode() + source + bytes([last]))


def spread_of(reward_id: str) -> int:
    """With which `spread` it was made; 0 for every id of before, and for what is no id."""
    return _place_of(reward_id)[0]


def _place_of(reward_id: str) -> tuple[int, int]:
    """The spread in a reward's id, and in which of so many shards it lies, by the checksum of its payment."""
    try:
        raw = base32.decode(reward_id[PARTNER_ID_LENGTH:])
    except ValueError:  # whatever somebody asks for
        return 0, 0
    spread = raw[-1] >> _TIER_BITS if len(raw) > _SOURCE_BYTES else 0
    return spread, zlib.crc32(raw[-1 - _SOURCE_BYTES : -1]) % (1 << spread)


def is_reward_id(text: str) -> bool:
    """Return whether a reward could have this id.

    Its key is a slice of it, and neither part may be empty.
    """
    return len(text) == REWARD_ID_LENGTH


def is_payment_id(text: str) -> bool:
    """Return whether a payment could have this id."""
    return len(text) == LONG_ID_LENGTH and text.isalnum()


def reward(reward_id: str) -> Key:
    """It follows from the id, whatever is known of shards at the moment."""
    partner_id, sort_key = reward_id[:PARTNER_ID_LENGTH], reward_id[PARTNER_ID_LENGTH:]
    return _key(_reward_shard(partner_id, _place_of(reward_id)[1]), sort_key)


def rewards(partner_id: str, spread: int) -> tuple[str, ...]:
    """Every partition that may hold rewards of a partner; `spread`: the highest they were made with."""
    return tuple(_reward_shard(partner_id, number) for number in range(1 << spread))


def _reward_shard(partner_id: str, number: int) -> str:
    return f"R#{partner_id}#{number}" if number else f"R#{partner_id}"


def due_from(at_ms: int) -> str:
    """Return where the rewards begin that are due at `at_ms` or later, for any currency and payment."""
    return base32.encode(at_ms.to_bytes(6) + bytes(14))


def due_at(reward_sort_key: str) -> int:
    """Read when the reward with this sort key is due, in epoch milliseconds."""
    return int.from_bytes(base32.decode(reward_sort_key)[:6])


def currency_of(reward_sort_key: str) -> str:
    """The currency in a reward's sort key."""
    return base32.decode(reward_sort_key)[6:9].decode()


def journal(partner_id: str, currency: str) -> str:
    return f"J#{partner_id}#{currency}"


def journal_from(at_ms: int) -> str:
    """Sorts before all entries of that day and after those of the days before it."""
    return day(at_ms)


def entry(partner_id: str, currency: str, at_ms: int, version: int) -> Key:
    return _key(journal(partner_id, currency), f"{day(at_ms)}#{version:010d}")


def withdrawal(withdrawal_id: str) -> Key:
    return _key(f"W#{withdrawal_id}")


def withdrawal_note(withdrawal_id: str, place: str) -> Key:
    """A note that was written with one of its steps or approvals."""
    return _key(f"W#{withdrawal_id}", f"N#{place}")


def withdrawal_and_notes(withdrawal_id: str) -> tuple[str, str, str]:
    """Partition, lowest and highest sort key."""
    return f"W#{withdrawal_id}", ALONE, "N#~"


def account_shown(withdrawal_id: str, at_ms: int, id: str) -> Key:
    return _key(f"W#{withdrawal_id}", f"S#{at_ms}#{id}")


def task_token(withdrawal_id: str, kind: str) -> Key:
    return _key(f"W#{withdrawal_id}", f"T#{kind}")


def batch(batch_id: str) -> Key:
    return _key(f"B#{batch_id}")


def batch_download(batch_id: str, at_ms: int, request: str) -> Key:
    return _key(f"B#{batch_id}", f"D#{at_ms}#{request}")


def batch_downloads(batch_id: str) -> tuple[str, str, str]:
    return f"B#{batch_id}", "D#", "D#~"


def adjustment(adjustment_id: str) -> Key:
    return _key(f"X#{adjustment_id}")


def statistics(partner_id: str, generation: int = 0) -> str:
    return f"S#P#{partner_id}#{generation}" if generation else f"S#P#{partner_id}"


def program_statistics(program_id: str, generation: int) -> str:
    return f"S#PROGRAM#{program_id}#{generation}"


def cohort_statistics(program_id: str, year: str, generation: int) -> str:
    """Figures of the customers who were referred in that year, by month."""
    return f"S#COHORT#{program_id}#{year}#{generation}"


def forecast_statistics(program_id: str, generation: int) -> str:
    """Figures of the rewards that wait for their day."""
    return f"S#DUE#{program_id}#{generation}"


def journal_statistics(generation: int) -> str:
    return f"S#JOURNAL#{generation}"


def withdrawal_statistics(generation: int) -> str:
    return f"S#WITHDRAWALS#{generation}"


def figures_of_program(program_id: str) -> str:
    """The subject of a generation of roll-ups of a program, with its cohorts and its forecast.

    Beside it there are those of a partner, by their id.
    """
    return f"PROGRAM#{program_id}"


def figures_of_books() -> str:
    """The journal's and the withdrawals' roll-ups."""
    return "BOOKS"


def statistics_generations(of: str) -> Key:
    """The generation of roll-ups of a partner, program or the books that counts, and the one being built."""
    return _key(f"S#G#{of}")


def leaderboard(program_id: str, period: str, metric: str) -> Key:
    """`period`: a month (`202611`) or ALL."""
    return _key(f"TOP#{program_id}", f"{period}#{metric}")


def leaderboards(program_id: str, period: str) -> tuple[str, str, str]:
    """Partition, lowest and highest sort key of a period's leaderboards; of all periods for ""."""
    return f"TOP#{program_id}", f"{period}#" if period else LOWEST, f"{period}#~" if period else HIGHEST


def clicks(code: str) -> str:
    """The dimension of a code's clicks."""
    return f"K#{code}"


def statistics_part(dimension: str, day: str, shard: str) -> Key:
    return _key(dimension, f"D#{day}#{shard[-8:]}")


def statistics_late_part(dimension: str, day: str, told: str, shard: str) -> Key:
    """Figures that were told of a day long after it, on the day `told`."""
    return _key(dimension, f"D#{day}#L{told}#{shard[-8:]}")


def statistics_day(dimension: str, day: str) -> Key:
    return _key(dimension, f"D#{day}")


def statistics_totals(dimension: str) -> Key:
    return _key(dimension, "T")


def audit(entity: str, at_ms: int, number: str) -> Key:
    """An entry of what was done to an entity. `number`: the stream's, so a repeat meets what is there."""
    return _key(audit_of(entity), f"{at_ms}#{number}")


def audit_of(entity: str) -> str:
    return f"A#{entity}"


def limit(caller: str, kind: str, minute: int) -> Key:
    return _key(f"L#{caller}#{kind}", str(minute))


def exposure_of_partner(partner_id: str) -> Key:
    """The exposure of a partner: what a day has seen of them, and who did what for them."""
    return _key(f"Y#P#{partner_id}")


def exposure_of_actor(actor: str) -> Key:
    """The exposure by somebody on the staff, or a service (keyed hash): what a day has seen of them."""
    return _key(f"Y#A#{actor}")


def cursor(name: str) -> Key:
    return _key("SYS", name)


def touched(lane: int, at_ms: int, number: str) -> Key:
    """The partners whose money a batch of the stream is about. `number`: of its first record."""
    return _key(f"V#{lane}", f"{at_ms:013d}#{number}")


def touched_within(lane: int, from_ms: int, until_ms: int) -> tuple[str, str, str]:
    """Partition, lowest and highest sort key of what was written from `from_ms` to before `until_ms`."""
    return f"V#{lane}", f"{from_ms:013d}", f"{until_ms:013d}"


def touched_at(key: Key) -> int:
    """Read when it was written, in epoch milliseconds."""
    return int(key["sk"].partition("#")[0])


def finding(kind: str, id: str) -> Key:
    """A fault of a partner's books, or of a payment."""
    return _key("V", f"{kind}#{id}")


def findings() -> str:
    return "V"


def subject_of(finding: Key) -> tuple[str, str]:
    """Its kind and id."""
    kind, _, id = finding["sk"].partition("#")
    return kind, id


def migration(name: str) -> Key:
    return _key("SYS", f"MIGRATION#{name}")


def stopped() -> Key:
    """That the deployment is stopped."""
    return _key("SYS", "STOPPED")


# ---------------------------------------------------------------- index keys, as attributes of an item


def listed(partition: str, at_ms: int, id: str) -> dict[str, str]:
    """The attributes of an item that people page through, newest first."""
    return {"l1": partition, "l2": f"{at_ms}#{id}"}


def waiting(partition: str, at_ms: int, id: str) -> dict[str, str]:
    """The attributes of an item that waits for somebody, or for a time."""
    return {"w1": partition, "w2": f"{at_ms}#{id}"}


def all_partners() -> str:
    return "P"


def partners_of(status: str) -> str:
    return f"P#{status}"


def all_invitations() -> str:
    return "I#INVITATIONS"


def invitations_of(status: str) -> str:
    """By when they run out."""
    return f"I#INVITATIONS#{status}"


def all_applications() -> str:
    return "I#APPLICATIONS"


def applications_of(status: str) -> str:
    return f"I#APPLICATIONS#{status}"


def referrals_of_program(program_id: str) -> str:
    return f"F#{program_id}"


def referrals_in(program_id: str, status: str) -> str:
    """Referrals that are open, by when they expire."""
    return f"F#{program_id}#{status}"


def withdrawals_of_partner(partner_id: str) -> str:
    return f"W#{partner_id}"


def withdrawals_of(status: str) -> str:
    """Withdrawals that go on by themselves, or have ended."""
    return f"W#{status}"


def withdrawals_with_problem() -> str:
    """Withdrawals that a person must look at, whatever their status: in no other of these lists."""
    return "W#PROBLEM"


def jobs_of(owner: str, kind: str) -> str:
    """Jobs of a kind that a user (keyed hash) asked for."""
    return f"O#{owner}#{kind}"


def open_jobs() -> str:
    return "O"


def all_batches() -> str:
    return "B"


def adjustments_of_partner(partner_id: str) -> str:
    return f"X#{partner_id}"


def waiting_adjustments() -> str:
    return "X"


def audit_by(actor: str) -> str:
    """Entries of what somebody did, to whatever."""
    return f"A#{actor}"


def shards() -> Key:
    """The spread of payments over shards: beside the programs', for who enters a payment reads those."""
    return _key("G#", "SHARDS")


def payment_shard(payment: str, count: int = DUE_SHARDS) -> int:
    """Return the shard, of so many, to put a payment in; look in all: it may be older than their number."""
    return zlib.crc32(payment.encode()) % count


def payments_of_program(program_id: str, payment: str, count: int = DUE_SHARDS) -> str:
    return f"E#{program_id}#{payment_shard(payment, count)}"


def payment_shards(program_id: str, count: int) -> list[str]:
    return [f"E#{program_id}#{number}" for number in range(count)]


def unreferred_of_program(program_id: str, payment: str, count: int = DUE_SHARDS) -> str:
    return f"E#{program_id}#UNREFERRED#{payment_shard(payment, count)}"


def unreferred_shards(program_id: str, count: int) -> list[str]:
    return [f"E#{program_id}#UNREFERRED#{number}" for number in range(count)]


def rewards_in(program_id: str, state: str) -> str:
    """Rewards that somebody may want to look at: HELD, REVIEW (to be approved by hand), CANCELLED."""
    return f"R#{program_id}#{state}"


def parked_payments() -> str:
    return "PARKED"


def possible_duplicates() -> str:
    return "DUPLICATE"


def open_disputes() -> str:
    return "DISPUTE"


def due_shard(number: int) -> str:
    return f"DUE#{number}"


def positions(from_ms: int | None, until_ms: int | None) -> tuple[str, str]:
    """Return the lowest and highest position of a list from one moment on until just before another.

    Epoch milliseconds; None: no bound.
    """
    low = f"{min(max(from_ms, FIRST_MS), LAST_MS)}" if from_ms is not None else LOWEST
    return low, f"{min(max(until_ms, FIRST_MS), LAST_MS)}" if until_ms is not None else HIGHEST


# ---------------------------------------------------------------- what a key says


AUDITED: Final = frozenset("GPFRWXBIOE")  # kinds of items of which people ask who did what


def is_audited(key: Key) -> bool:
    """Return whether people may ask who changed it: not for what follows from other items.

    Balances, entries, counters and guards follow from what is.
    """
    kind, sort_key = kind_of(key), key["sk"]
    return kind in AUDITED and not (kind == "P" and sort_key.startswith(("B#", "D#", "L#")))


_WHOLE: Final = {
    "P": "PARTNER", "W": "WITHDRAWAL", "X": "ADJUSTMENT", "B": "BATCH", "I": "APPLICATION", "O": "JOB", "E": "PAYMENT",
    "F": "REFERRAL", "R": "REWARD",
}  # fmt: skip
_PARTS: Final = {("P", "M"): "PAYOUT_METHOD", ("P", "C"): "CODE", ("P", "N"): "NOTE", ("W", "N"): "NOTE",
                 ("W", "S"): "ACCOUNT",
                 ("B", "D"): "DOWNLOAD"}  # fmt: skip


def told_of(key: Key) -> tuple[str, str, str] | None:
    """Return what an audited item is, the id of the entity under which it is told, and which part.

    "" for the whole of the entity. None for what says nothing to people: versions, counts, cursors, tokens.
    """
    kind, sort_key = kind_of(key), key["sk"]
    if kind == key["pk"]:  # all programs lie in one partition
        return ("PROGRAM", sort_key, "") if kind == "G" else None
    if kind == "G":
        return ("PROGRAM_CHANGE", owner_of(key), sort_key[2:]) if sort_key.startswith("C#") else None
    if kind in ("F", "R"):
        return _WHOLE[kind], owner_of(key) + sort_key, ""
    if sort_key == ALONE:
        return (_WHOLE[kind], owner_of(key), "") if kind in _WHOLE else None
    if (kind, sort_key) == ("I", "I"):
        return "INVITATION", owner_of(key), ""
    head, _, rest = sort_key.partition("#")
    name = _PARTS.get((kind, head)) if rest else None
    return (name, owner_of(key), rest.partition("#")[0]) if name else None


def kind_of(key: Key) -> str:
    """The first letter of the partition: R for a reward, F for a referral, …"""
    return key["pk"].split("#", 1)[0]


def is_alone(key: Key) -> bool:
    """Return whether it is the entity itself, and not something that lies under it."""
    return key["sk"] == ALONE


def owner_of(key: Key) -> str:
    """Return whose the partition is: the partner of a reward, referral or balance, a withdrawal's id."""
    return key["pk"].split("#")[1]


def hash_of(key: Key) -> str:
    """The hash in the key of a refund or a dispute."""
    return key["sk"][2:]


def is_capped_month(key: Key) -> bool:
    """Return whether what lies under a partner is a month of rewards under a cap."""
    return key["sk"].startswith("L#")


def is_balance(key: Key) -> bool:
    """Return whether what lies under a partner is a balance."""
    return kind_of(key) == "P" and key["sk"].startswith("B#")


def currency_of_balance(key: Key) -> str:
    return key["sk"].removeprefix("B#")


def capped_month_in(key: Key) -> tuple[str, str, str]:
    """Currency, month and program in the key of a month under a cap."""
    _, currency, month, program_id = key["sk"].split("#")
    return currency, month, program_id


def is_refund(key: Key) -> bool:
    """Return whether what lies under a payment is a refund."""
    return key["sk"].startswith("R#")


def is_dispute(key: Key) -> bool:
    return key["sk"].startswith("D#")


def is_program(key: Key) -> bool:
    """Return whether it is the program as it is now, and not one of its versions."""
    return key["pk"] == programs()


def is_partner(key: Key) -> bool:
    return kind_of(key) == "P" and key["sk"] == ALONE


def is_of_payment(key: Key) -> bool:
    """Return whether it lies under a payment, or is one."""
    return kind_of(key) == "E"


def last_two_of(key: Key) -> tuple[str, str]:
    """Program and customer of a binding, partner and currency of a journal entry."""
    _, first, second = key["pk"].split("#")
    return first, second


def method_in(key: Key) -> tuple[str, int]:
    """Id and version in the key of a payout method."""
    _, method_id, version = key["sk"].split("#")
    return method_id, int(version)


def id_at(position: str) -> str:
    """The id in a position of a list."""
    return position.split("#")[1]


def moment_at(position: str) -> int:
    """The time in a position of a list, in epoch milliseconds."""
    return int(position.split("#")[0])


def place_of_note(sort_key: str) -> str:
    return sort_key.removeprefix("N#")


def day_of_late_part(sort_key: str) -> str:
    """On which day a part was told that is of a day long before; "" for any other one."""
    named = sort_key.split("#")
    return named[2][1:] if len(named) == 4 else ""


def is_folded_day(sort_key: str) -> bool:
    """Return whether it is a day's item itself, and none of its parts."""
    return sort_key.count("#") == 1


def day_of_statistics(sort_key: str) -> str:
    """The day in the sort key of a roll-up's part or day."""
    return sort_key[2:10]


def open_days(closed_day: str) -> tuple[str, str]:
    """The lowest and highest sort key of the days after a closed one ("" for all)."""
    return (f"D#{closed_day}~" if closed_day else "D#"), "D#~"


def days_between(first: str, last: str) -> tuple[str, str]:
    """The lowest and highest sort key of the roll-ups of two days and those between them."""
    return f"D#{first}", f"D#{last}~"


def period_of(key: Key) -> str:
    """The period in a leaderboard's key."""
    return key["sk"].split("#")[0]


def metric_of(key: Key) -> str:
    """The metric in a leaderboard's key."""
    return key["sk"].split("#")[1]


def days_until(after: str, closed_day: str) -> tuple[str, str]:
    """The lowest and highest sort key of the days after `after` ("" for the first) and up to `closed_day`."""
    return open_days(after)[0], f"D#{closed_day}~"
