/** Rewards as a table; why each is what it is opens beside. */
import { useState } from "preact/hooks";
import type { Schema } from "../shared/api";
import { lazily } from "../shared/shell";
import { t, word } from "../shared/texts";
import { Badge, Button, type Column, Money, Status, Table, When } from "../shared/ui";

type Reward = Schema["RewardView"];
const Why = lazily(() => import("./why"), "portal/why");

export function Rewards({ caption, rows }: { caption: string; rows: Reward[] }) {
  const [open, setOpen] = useState<string>();
  const columns: Column<Reward>[] = [
    { title: t("earned"), cell: (row) => <When at={row.earnedAt} relative /> },
    {
      title: t("of"),
      cell: (row) => (
        <span class="muted">
          {row.rateBps === null ? word("RULE", row.rule) : t("rateOf", { rate: row.rateBps / 100 })}{" "}
          {row.rateBps !== null && <Money decimal={row.baseDecimal} currency={row.currency} />}
        </span>
      ),
    },
    {
      title: t("status"),
      cell: (row) => (
        <>
          <Status of={row.status} text={word("REWARD", row.status)} />
          {row.status === "PENDING" && row.held.length === 0 && (
            <small class="muted">
              {t("availableOn")} <When at={row.maturesAt} relative />
            </small>
          )}
          {row.held.map((each) => (
            <Badge key={each} tone="wait">
              {word("HELD", each)}
            </Badge>
          ))}
        </>
      ),
    },
    {
      title: t("amount"),
      kind: "number",
      cell: (row) => (
        <span class="who">
          <Money decimal={row.netDecimal} currency={row.currency} />
          {row.reversed > 0 && <small class="muted">{t("ofAmount", { amount: row.amountDecimal })}</small>}
        </span>
      ),
    },
    { title: t("reason"), cell: (row) => <Button onClick={() => setOpen(row.id)}>{t("why")} …</Button> },
  ];
  return (
    <>
      <Table caption={caption} columns={columns} rows={rows} id={(row) => row.id} />
      {open && <Why id={open} onClose={() => setOpen(undefined)} />}
    </>
  );
}
