"""Every key of the table. No other place knows how one is put together.

pk / sk                                what
PROGRAMS / <program>                   program
PROGRAM#<program> / VERSION#<version>  program as it was in that version
PROGRAM#<program> / CHANGE#<change>    looser terms that wait, or waited
SHARDS / ROOT                          over how many shards payments are spread, and rewards of busy partners
PARTNER#<partner> / ROOT               partner
PARTNER#<partner> / BALANCE#<CUR>      balance
PARTNER#<partner> / CAP#<CUR>#<month>#<program>  what was kept in a month of payments that is under a cap
PARTNER#<partner> / CODE#<CODE>        a further code of theirs
PARTNER#<partner> / DUE#<CUR>          how far its rewards were looked at
PARTNER#<partner> / METHOD#<id>#<version> | METHODS  payout method; how many there are
PARTNER#<partner> / NOTE#<ms>#<id>     what staff wrote about them
PARTNER#<partner> / OVERDUE            how far the daily look found none of them to wait
APPLICATION#<id> / ROOT                application
INVITATION#<id> / ROOT                 invitation
SEARCH#<program> / <folded text>#<partner>  search row
GUARD#CODE#…, GUARD#EMAIL#…, GUARD#USER#…, GUARD#REQUEST#… / ROOT  one of its kind in the deployment
GUARD#EXTERNAL#… / ROOT                what the owner calls a partner or a referral, once in a program
GUARD#LOOKALIKE#<folded code> / ROOT   which code looks like this
GUARD#TRAIT#<kind>#<hash> / <partner>  who has this account, folded e-mail address, or folded name and phone
GUARD#REFUND#…, GUARD#DISPUTE#… / ROOT  the payment of a refund or dispute of a sender
GUARD#APPLICANT#… / ROOT               the application of a user that waits
GUARD#LEAD#… / ROOT | FACTS            the referral of a lead; what a CRM has told of it
REFERRAL#<partner> / <b32(ms, hash)>   referral
CUSTOMER#<program>#<customer> / ROOT   binding of a customer
CUSTOMER#<program>#<customer> / PAID#<ms>#<payment>  a payment that is rated again if their first moves
CUSTOMER#<program>#<customer> / SIGHTING#<ms>#<payment>  what a system told of a payment, where several systems do
CUSTOMER#*#<customer> / PROGRAM#<program>  where they are referred
CUSTOMER#*#<customer> / UNREFERRED#<ms>#<payment>  what they paid while they were not
PAYMENT#<payment> / ROOT               payment
PAYMENT#<payment> / DISPUTE#<dispute> | REFUND#<refund>  a dispute of it; a refund
PAYMENT#<payment> / SUSPECT            that one of them is suspect
PAYMENT#<payment> / TWIN               that it may be another payment
REWARD#<partner> / <b32(due, CUR, src, tier)>  reward
REWARD#<partner>#<n> / …               the same, of a partner whose rewards are spread; which n, the id says
JOURNAL#<partner>#<CUR> / <day>#<version>  journal entry
WITHDRAWAL#<withdrawal> / ROOT         withdrawal
WITHDRAWAL#<withdrawal> / ACCOUNT_SHOWN#<ms>#<id>  who was shown the whole account
WITHDRAWAL#<withdrawal> / NOTE#<n>     what people wrote about it
WITHDRAWAL#<withdrawal> / TOKEN#<kind>  the token its workflow waits with
BATCH#<batch> / ROOT | DOWNLOAD#<ms>#<request>  batch of bank transfers; who was given its file
ADJUSTMENT#<adjustment> / ROOT         adjustment or write-off
STATISTICS#PARTNER#<partner> / DAY#<day>#<shard> | TOTALS  roll-up of a day; totals
STATISTICS#PARTNER#<partner>#<generation> / …  the same, of a generation that was built anew
STATISTICS#PROGRAM#<program>#<generation> / …  a program's; COHORT#<program>#<year>#… and FORECAST#<program>#… beside it
STATISTICS#JOURNAL#<generation> / …    the journal's, by account and kind
STATISTICS#WITHDRAWALS#<generation> / …  the withdrawals', by status
STATISTICS#GENERATION#<partner | PROGRAM#… | BOOKS> / ROOT  which generation of them counts
CLICKS#<code> / DAY#<day>#<lane> | DAY#<day> | TOTALS  clicks of a day; of a closed day; all of before
LEADERBOARD#<program> / <month or ALL>#<metric>  leaderboard
AUDIT#<entity> / <ms>#<number>         audit
PERSON#<user> / ROOT                   somebody who acts for the owner, with their name
API_KEY#<id> / ROOT                    API key, of which only hashes are kept
EXPOSURE#PARTNER#<partner> / ROOT      what a day has seen of them, and who did what for the partner
EXPOSURE#ACTOR#<actor> / ROOT          what a day has seen of somebody on the staff
TOUCHED#<lane> / <ms>#<number>         whose money the stream told of: they are verified next
FINDINGS / partners#<partner> | earned#<payment>  what is wrong with the books, as the deployment found it
JOB#<id> / ROOT | LINES#<line>         job; what became of lines of an import
JOB#<user> / OPEN                      their jobs that may be open
ANSWER#<request> / ROOT                answer of a bulk call
LIMIT#<caller>#<class> / <minute>      rate limit counter
SYSTEM / <name> | MIGRATION#<name>     how far a schedule has looked; how far what older releases left was moved on
SYSTEM / STOPPED                       that everything which books and pays is stopped, and why

Reads that hang on the order of sort keys, beside those of one prefix (`X#` to `X#~`), with numbers and times of one
width: a payment's DISPUTE# and REFUND# are one range, in which nothing else lies; so are a withdrawal's NOTE# and ROOT,
in this order; all DAY# of a dimension come before its TOTALS, and a day before its parts; a customer's PROGRAM# come
before their UNREFERRED#.

Indexes: `listed` (listed_in, listed_at) for what people page through, `waiting` (waits_in, waits_at) for what waits for
somebody or for a time. Their partitions are called by what is in them, in the plural: PAYMENTS#<program>#<shard>.
Ids: a reward's or referral's id is its partner's id (16 characters) and its sort key, so its key follows from it.
Text from outside enters a key only as a keyed hash.

The kinds are apart by rooms, as `operations/` is; callers say `keys.partner(…)` whatever the room.
"""

from refledger.store.keys.common import *
from refledger.store.keys.earning import *
from refledger.store.keys.figures import *
from refledger.store.keys.form import *
from refledger.store.keys.jobs import *
from refledger.store.keys.partners import *
from refledger.store.keys.payouts import *
from refledger.store.keys.proof import *
from refledger.store.keys.referring import *
