/** Search: one word leads to a partner, a withdrawal, a payment, a referral, a reward, an entry or whatever has an id. */
import { useLocation } from "preact-iso";
import { api, done, Problem } from "../shared/api";
import { moment } from "../shared/dates";
import { money } from "../shared/money";
import { may } from "../shared/session";
import { t, word } from "../shared/texts";
import { Badge, Empty, Show, Title, useLoad } from "../shared/ui";
import { nameOf, programs } from "./common";

type Hit = { kind: string; href: string; name: string; about: string };
const MOST_PROGRAMS = 20; // searched at once
// Ids of the API by their shape: each asks only for what can have it
const PARTNER = /^[a-z0-9]{16}$/;
const THING = /^[a-z0-9]{16,32}$/;
const LONG = /^[a-z0-9]{33,64}$/;
const ENTRY = /^[a-z0-9]{16}-[A-Z]{3}-\d{8}-\d+$/;
const OWN = /^[^\s/?#]{1,64}$/; // what you call a customer, a lead or a payment
const CODE = /^[A-Za-z0-9-]{3,32}$/;
const KEY = /^rl_(?:live|test)_([0-9a-v]{16})/; // the id that stands in an API key

/** Nothing of that name is no trouble; anything else is. */
async function maybe(look: Promise<Hit[]> | Hit[]): Promise<Hit[]> {
  try {
    return await look;
  } catch (error) {
    if (error instanceof Problem && [403, 404, 422].includes(error.status)) return [];
    throw error;
  }
}

const partnerHit = (of: {
  id: string;
  companyName: string;
  firstName: string;
  lastName: string;
  referralCode: string;
  email: string;
}): Hit => ({
  kind: "PARTNER",
  href: `/console/partners/${of.id}`,
  name: of.companyName || `${of.firstName} ${of.lastName}`.trim() || of.referralCode,
  about: [of.email, of.referralCode].filter(Boolean).join(" · "),
});

async function partners(q: string, of: { id: string }[]): Promise<Hit[]> {
  const found = await Promise.all(
    of.map((each) => done(api.GET("/api/v1/partners", { params: { query: { q, programId: each.id, limit: 10 } } }))),
  );
  return found.flatMap((each) => each.data.map(partnerHit));
}

const partner = async (partnerId: string): Promise<Hit[]> => [
  partnerHit(await done(api.GET("/api/v1/partners/{partnerId}", { params: { path: { partnerId } } }))),
];

/** Who acts for the owner, by any part of the name: there are few. */
async function people(q: string): Promise<Hit[]> {
  const found = await done(api.GET("/api/v1/people", { params: { query: { limit: 100 } } }));
  return found.data
    .filter((each) => each.name?.toLowerCase().includes(q.toLowerCase()))
    .map((each) => ({ kind: "PERSON", href: `/console/people/${each.id}`, name: each.name ?? each.id, about: "" }));
}

type Key = { id: string; name: string; prefix: string; lastFour: string };
const keyHit = ({ id, name, prefix, lastFour }: Key): Hit => ({
  kind: "API_KEY",
  href: `/console/api-keys/${id}`,
  name,
  about: `${prefix}…${lastFour}`,
});

/** API keys by any part of the name: there are few. */
async function keys(q: string): Promise<Hit[]> {
  const found = await done(api.GET("/api/v1/api-keys", { params: { query: { limit: 100 } } }));
  return found.data.filter((each) => each.name.toLowerCase().includes(q.toLowerCase())).map(keyHit);
}

const key = async (apiKeyId: string): Promise<Hit[]> => [
  keyHit(await done(api.GET("/api/v1/api-keys/{apiKeyId}", { params: { path: { apiKeyId } } }))),
];

const byCode = async (code: string): Promise<Hit[]> => [
  partnerHit(await done(api.GET("/api/v1/partners/by-code/{code}", { params: { path: { code } } }))),
];

async function withdrawal(withdrawalId: string): Promise<Hit[]> {
  const params = { path: { withdrawalId }, query: { account: false } };
  const it = await done(api.GET("/api/v1/withdrawals/{withdrawalId}", { params }));
  const name = `${money(it.amountDecimal, it.currency)} · ${nameOf(it)}`;
  return [{ kind: "WITHDRAWAL", href: `/console/withdrawals/${it.id}`, name, about: word("STATUS", it.status) }];
}

async function payment(paymentId: string, source?: "payments" | "stripe"): Promise<Hit[]> {
  const params = { path: { paymentId }, query: source ? { source } : {} };
  const it = await done(api.GET("/api/v1/payments/{paymentId}", { params }));
  const about = [it.externalId, it.customerId].filter(Boolean).join(" · ");
  return [{ kind: "PAYMENT", href: `/console/payments/${it.id}`, name: money(it.amountDecimal, it.currency), about }];
}

type Referred = { id: string; customerId: string | null; leadId: string | null; partnerId: string };
const referralHit = (it: Referred & Parameters<typeof nameOf>[0]): Hit => ({
  kind: "REFERRAL",
  href: `/console/referrals/${it.id}`,
  name: it.customerId ?? it.leadId ?? it.id,
  about: nameOf(it),
});

const referral = async (referralId: string): Promise<Hit[]> => [
  referralHit(await done(api.GET("/api/v1/referrals/{referralId}", { params: { path: { referralId } } }))),
];

const lead = async (leadId: string): Promise<Hit[]> => [
  referralHit(await done(api.GET("/api/v1/referrals/by-lead/{leadId}", { params: { path: { leadId } } }))),
];

async function customer(customerId: string, programId: string): Promise<Hit[]> {
  const params = { path: { customerId }, query: { programId } };
  return [referralHit(await done(api.GET("/api/v1/referrals/by-customer/{customerId}", { params })))];
}

async function adjustment(adjustmentId: string): Promise<Hit[]> {
  const it = await done(api.GET("/api/v1/adjustments/{adjustmentId}", { params: { path: { adjustmentId } } }));
  const name = money(it.amountDecimal, it.currency);
  return [{ kind: "ADJUSTMENT", href: `/console/adjustments/${it.id}`, name, about: nameOf(it) }];
}

async function batch(batchId: string): Promise<Hit[]> {
  const it = await done(api.GET("/api/v1/payout-batches/{batchId}", { params: { path: { batchId } } }));
  return [{ kind: "BATCH", href: `/console/payouts/${it.id}`, name: it.id, about: moment(it.createdAt) }];
}

async function entry(entryId: string): Promise<Hit[]> {
  const { entry: it } = await done(api.GET("/api/v1/ledger/entries/{entryId}", { params: { path: { entryId } } }));
  const name = `${money(it.amountDecimal, it.currency)} · ${nameOf(it)}`;
  return [{ kind: "ENTRY", href: `/console/books/${it.id}`, name, about: moment(it.at) }];
}

async function reward(rewardId: string): Promise<Hit[]> {
  const it = await done(api.GET("/api/v1/rewards/{rewardId}", { params: { path: { rewardId } } }));
  const name = `${money(it.amountDecimal, it.currency)} · ${nameOf(it)}`;
  return [{ kind: "REWARD", href: `/console/rewards/${it.id}`, name, about: word("STATUS", it.status) }];
}

/** What the word may be is asked for at once; a code, which is counted, only where nothing else has the name. */
async function search(q: string): Promise<Hit[]> {
  const keyId = KEY.exec(q)?.[1];
  if (keyId) return may("GET /api/v1/api-keys/{apiKeyId}") ? maybe(key(keyId)) : [];
  const all = (await programs()).data.slice(0, MOST_PROGRAMS);
  const named = all
    .filter((each) => [each.id, each.name].some((name) => name.toLowerCase().includes(q.toLowerCase())))
    .map((each) => ({ kind: "PROGRAM", href: `/console/programs/${each.id}`, name: each.name, about: each.id }));
  const looks = [partners(q, all), may("GET /api/v1/people") ? people(q) : [], named];
  if (may("GET /api/v1/api-keys")) looks.push(keys(q));
  if (OWN.test(q)) looks.push(...all.map((each) => customer(q, each.id)), lead(q), payment(q, "payments"));
  if (/^(in|pi|cs|ch|py)_/.test(q)) looks.push(payment(q, "stripe"));
  if (PARTNER.test(q)) looks.push(partner(q));
  if (THING.test(q)) looks.push(withdrawal(q), payment(q), adjustment(q), batch(q));
  if (LONG.test(q)) looks.push(referral(q), reward(q));
  if (ENTRY.test(q)) looks.push(entry(q));
  const found = (await Promise.all(looks.map(maybe))).flat();
  const hits = found.length === 0 && CODE.test(q) ? await maybe(byCode(q)) : found;
  return hits.filter((each, place) => hits.findIndex((other) => other.href === each.href) === place);
}

export default function Search() {
  const { query } = useLocation();
  const q = (query.q ?? "").trim();
  const found = useLoad(() => (q ? search(q) : Promise.resolve([])), [q]);
  return (
    <>
      <Title text={q ? t("foundFor", { q }) : t("search")} />
      {q === "" ? (
        <Empty title={t("searchFor")}>{t("searchForAbout")}</Empty>
      ) : (
        <Show of={found}>
          {(hits) =>
            hits.length === 0 ? (
              <Empty title={t("nothingFound")}>{t("searchForAbout")}</Empty>
            ) : (
              <ul class="hits" aria-label={t("search")}>
                {hits.map((each) => (
                  <li key={each.href}>
                    <a href={each.href}>
                      <Badge>{word("TYPE", each.kind)}</Badge>
                      <strong>{each.name}</strong>
                      <small class="muted">{each.about}</small>
                    </a>
                  </li>
                ))}
              </ul>
            )
          }
        </Show>
      )}
    </>
  );
}
