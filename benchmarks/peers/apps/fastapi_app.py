"""A referral program on FastAPI, SQLAlchemy and PostgreSQL, small and at its fastest: what one would write instead.

The same rules as refledger's: a payment of two tiers is one transaction with a unique id and a lock on the balances'
rows, which the update takes in the order of their keys; statistics are counted in it, so that reading them costs the
same ever after; a withdrawal reserves what is available, once for its Idempotency-Key. Who asks is told by a header, as
by a gateway that has checked the token. It has no journal, no hold, no refunds, no roles, no limits and no audit.
"""

from __future__ import annotations

import os
from contextlib import asynccontextmanager

from fastapi import FastAPI, Header, HTTPException
from pydantic import BaseModel, Field
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

SCHEMA = """
CREATE TABLE partner (id bigint PRIMARY KEY, subject text UNIQUE NOT NULL, upline bigint REFERENCES partner);
CREATE TABLE customer (id text PRIMARY KEY, partner bigint NOT NULL REFERENCES partner);
CREATE INDEX ON customer (partner);
CREATE TABLE payment (id text PRIMARY KEY, customer text NOT NULL, amount bigint NOT NULL, currency text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE reward (payment text REFERENCES payment, tier int, partner bigint NOT NULL REFERENCES partner,
    amount bigint NOT NULL CHECK (amount >= 0), currency text NOT NULL, PRIMARY KEY (payment, tier));
CREATE INDEX ON reward (partner);
CREATE TABLE balance (partner bigint REFERENCES partner, currency text, available bigint NOT NULL DEFAULT 0
    CHECK (available >= 0), reserved bigint NOT NULL DEFAULT 0, earned bigint NOT NULL DEFAULT 0,
    rewards bigint NOT NULL DEFAULT 0, revenue bigint NOT NULL DEFAULT 0, PRIMARY KEY (partner, currency));
CREATE TABLE withdrawal (partner bigint REFERENCES partner, key text, amount bigint NOT NULL CHECK (amount > 0),
    currency text NOT NULL, status text NOT NULL DEFAULT 'REQUESTED', PRIMARY KEY (partner, key));
"""
RATES_BPS = (2000, 1000)

WHOSE = text(
    "SELECT partner.id, partner.upline FROM customer JOIN partner ON partner.id = customer.partner"
    " WHERE customer.id = :id"
)
PAYMENT = text(
    "INSERT INTO payment (id, customer, amount, currency) VALUES (:id, :customer, :amount, :currency)"
    " ON CONFLICT (id) DO NOTHING"
)
REWARDS = text(
    "INSERT INTO reward (payment, tier, partner, amount, currency)"
    " SELECT :payment, tier, partner, amount, :currency FROM unnest(CAST(:tiers AS int[]), CAST(:partners AS bigint[]),"
    " CAST(:amounts AS bigint[])) AS given (tier, partner, amount)"
)
BALANCES = text(
    "INSERT INTO balance (partner, currency, available, earned, rewards, revenue)"
    " SELECT partner, :currency, amount, amount, 1, :revenue"
    " FROM unnest(CAST(:partners AS bigint[]), CAST(:amounts AS bigint[])) AS given (partner, amount) ORDER BY partner"
    " ON CONFLICT (partner, currency) DO UPDATE SET available = balance.available + excluded.available,"
    " earned = balance.earned + excluded.earned, rewards = balance.rewards + 1,"
    " revenue = balance.revenue + excluded.revenue"
)
STATISTICS = text(
    "SELECT partner.id, (SELECT count(*) FROM customer WHERE customer.partner = partner.id) AS referrals,"
    " balance.currency, balance.available, balance.reserved, balance.earned, balance.rewards, balance.revenue"
    " FROM partner LEFT JOIN balance ON balance.partner = partner.id WHERE partner.subject = :subject"
)
WITHDRAWAL = text(
    "INSERT INTO withdrawal (partner, key, amount, currency)"
    " SELECT id, :key, :amount, :currency FROM partner WHERE subject = :subject"
    " ON CONFLICT (partner, key) DO NOTHING RETURNING partner"
)
RESERVE = text(
    "UPDATE balance SET available = available - :amount, reserved = reserved + :amount"
    " WHERE partner = :partner AND currency = :currency AND available >= :amount"
)
REQUESTED = text(
    "SELECT withdrawal.amount, withdrawal.currency, withdrawal.status"
    " FROM withdrawal JOIN partner ON partner.id = withdrawal.partner"
    " WHERE partner.subject = :subject AND withdrawal.key = :key"
)

engine = create_async_engine(os.environ["DATABASE_URL"], pool_size=16, max_overflow=0)


class Payment(BaseModel):
    id: str = Field(min_length=1, max_length=255)
    customer: str = Field(min_length=1, max_length=255)
    amount: int = Field(gt=0)
    currency: str = Field(pattern="^[A-Z]{3}$")


class Recorded(BaseModel):
    outcome: str


class Balance(BaseModel):
    available: int
    reserved: int
    earned: int
    rewards: int
    revenue: int


class Statistics(BaseModel):
    partner: int
    referrals: int
    balances: dict[str, Balance]


class NewWithdrawal(BaseModel):
    amount: int = Field(gt=0)
    currency: str = Field(pattern="^[A-Z]{3}$")


class Withdrawal(NewWithdrawal):
    status: str


@asynccontextmanager
async def lifespan(_: FastAPI):
    yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan, openapi_url=None)


@app.post("/payments", status_code=201)
async def pay(payment: Payment) -> Recorded:
    async with engine.begin() as transaction:
        whose = (await transaction.execute(WHOSE, {"id": payment.customer})).one_or_none()
        if whose is None:
            raise HTTPException(404, "nobody's customer")
        told = {"id": payment.id, "customer": payment.customer, "amount": payment.amount, "currency": payment.currency}
        if (await transaction.execute(PAYMENT, told)).rowcount == 0:
            return Recorded(outcome="REPEATED")
        partners = [each for each in whose if each is not None]
        amounts = [payment.amount * bps // 10_000 for bps, _ in zip(RATES_BPS, partners, strict=False)]
        shared = {"currency": payment.currency, "partners": partners, "amounts": amounts}
        await transaction.execute(REWARDS, {**shared, "payment": payment.id, "tiers": [*range(1, len(partners) + 1)]})
        await transaction.execute(BALANCES, {**shared, "revenue": payment.amount})
    return Recorded(outcome="RECORDED")


@app.get("/statistics")
async def statistics(x_user: str = Header()) -> Statistics:
    async with engine.connect() as connection:
        rows = (await connection.execute(STATISTICS, {"subject": x_user})).all()
    if not rows:
        raise HTTPException(404, "no partner")
    balances = {
        row.currency: Balance(available=row.available, reserved=row.reserved, earned=row.earned, rewards=row.rewards,
                              revenue=row.revenue)
        for row in rows if row.currency is not None
    }  # fmt: skip
    return Statistics(partner=rows[0].id, referrals=rows[0].referrals, balances=balances)


@app.post("/withdrawals", status_code=201)
async def withdraw(body: NewWithdrawal, x_user: str = Header(), idempotency_key: str = Header()) -> Withdrawal:
    told = {"subject": x_user, "key": idempotency_key, "amount": body.amount, "currency": body.currency}
    async with engine.begin() as transaction:
        partner = (await transaction.execute(WITHDRAWAL, told)).scalar_one_or_none()
        if partner is None:
            made = (await transaction.execute(REQUESTED, {"subject": x_user, "key": idempotency_key})).one_or_none()
            if made is None:
                raise HTTPException(404, "no partner")
            if (made.amount, made.currency) != (body.amount, body.currency):
                raise HTTPException(409, "the key was used for another withdrawal")
            return Withdrawal(amount=made.amount, currency=made.currency, status=made.status)
        asked = {"partner": partner, "amount": body.amount, "currency": body.currency}
        if (await transaction.execute(RESERVE, asked)).rowcount == 0:
            raise HTTPException(409, "more than is available")
    return Withdrawal(amount=body.amount, currency=body.currency, status="REQUESTED")
