/** Who wants to be a partner, and who was asked to be one. */
import { useState } from "preact/hooks";
import { api, done, type Schema, write } from "../shared/api";
import { Dialog, Select } from "../shared/forms";
import { Listed } from "../shared/listed";
import { may } from "../shared/session";
import { t, word } from "../shared/texts";
import { Button, type Column, Copy, Status, Title, usePages, When } from "../shared/ui";
import { type Action, Actions, Asked, reason } from "./act";
import { given, programs, useFilters, words } from "./common";

type Application = Schema["ApplicationView"];
type Invitation = Schema["InvitationView"];
const PATH = "/console/applications";
const VIEWS = ["applications", "invitations"] as const;
const APPLICATIONS = ["WAITING", "APPROVED", "REJECTED"] as const;
const INVITATIONS = ["PENDING", "ACCEPTED", "REVOKED", "EXPIRED"] as const;

const who = (of: Application | Invitation) => of.companyName || `${of.firstName} ${of.lastName}`.trim() || of.email;
const Who = ({ of }: { of: Application | Invitation }) => (
  <span class="who">
    {of.partnerId ? <a href={`/console/partners/${of.partnerId}`}>{who(of)}</a> : who(of)}
    <small class="muted">{of.email}</small>
  </span>
);
const header = (key: string) => ({ header: { "Idempotency-Key": key } });

export default function Applications() {
  const [filters, setFilter] = useFilters(PATH, { view: "applications", status: "WAITING" });
  const { view, status } = filters;
  const statuses: readonly string[] = view === "applications" ? APPLICATIONS : INVITATIONS;
  const [invited, setInvited] = useState<Schema["NewInvitationView"]>();
  const [round, setRound] = useState(0);
  const wanted = statuses.includes(status) ? status : "";
  return (
    <>
      <Title text={t("applications")}>
        <Invite onDone={setInvited} reload={() => setRound(round + 1)} />
      </Title>
      <div class="filters">
        <Select
          label={t("view")}
          value={view}
          options={VIEWS.map((each): [string, string] => [each, t(each)])}
          onChange={(value) => setFilter("view", value)}
        />
        <Select
          label={t("status")}
          value={wanted}
          options={[["", t("all")], ...statuses.map((each): [string, string] => [each, word("JOINING", each)])]}
          onChange={(value) => setFilter("status", value || "ALL")}
        />
      </div>
      {view === "applications" ? (
        <ApplicationList key={`a${round}`} status={wanted} />
      ) : (
        <InvitationList key={`i${round}`} status={wanted} />
      )}
      {invited && (
        <Dialog title={t("invited")} onClose={() => setInvited(undefined)}>
          <p>{t("invitedAbout", { email: invited.email })}</p>
          <div class="share">
            <output>{`${location.origin}/portal/join#${invited.token}`}</output>
            <Copy text={`${location.origin}/portal/join#${invited.token}`} label="copyLink" />
          </div>
        </Dialog>
      )}
    </>
  );
}

function Invite(props: { onDone: (told: Schema["NewInvitationView"]) => void; reload: () => void }) {
  const [known, setKnown] = useState<Schema["ProgramView"][]>([]);
  const [asked, setAsked] = useState<Action>();
  if (!may("POST /api/v1/invitations")) return null;
  const invite = async () => {
    const all = known.length > 0 ? known : (await programs().catch(() => ({ data: [] }))).data;
    setKnown(all);
    setAsked({
      name: t("invite"),
      about: <p>{t("inviteAbout")}</p>,
      fields: [
        { name: "email", label: t("email"), required: true, maxLength: 254 },
        { name: "firstName", label: word("FIELD", "firstName"), maxLength: 100 },
        { name: "lastName", label: word("FIELD", "lastName"), maxLength: 100 },
        { name: "companyName", label: word("FIELD", "companyName"), maxLength: 100 },
        ...(all.length > 1
          ? [
              {
                name: "programId",
                label: t("program"),
                kind: "select" as const,
                options: all.map((each): [string, string] => [each.id, each.name]),
              },
            ]
          : []),
        { name: "tier", label: word("FIELD", "tier"), maxLength: 100 },
        { name: "tags", label: t("tags"), hint: t("tagsHint") },
        { name: "validDays", label: t("validDays"), digits: 0, value: "14", required: true },
      ],
      act: async ({ email = "", tags = "", validDays, ...rest }, key) => {
        const body = { ...given(rest), email, tags: words(tags), validDays: Number(validDays) };
        props.onDone(await write(api.POST("/api/v1/invitations", { params: header(key), body })));
      },
    });
  };
  return (
    <>
      <Button kind="primary" onClick={invite}>
        {t("invite")} …
      </Button>
      <Asked of={asked} close={() => setAsked(undefined)} reload={props.reload} />
    </>
  );
}

function ApplicationList({ status }: { status: string }) {
  const list = usePages<Application>(
    (cursor) => {
      const query = { ...(status && { status: status as Application["status"] }), ...(cursor && { cursor }) };
      return done(api.GET("/api/v1/applications", { params: { query } }));
    },
    [status],
  );
  const decide = (row: Application): (Action | false)[] => [
    may("POST /api/v1/applications/{applicationId}/approve") && {
      name: t("approve"),
      title: t("approveApplication", { name: who(row) }),
      kind: "primary",
      about: (
        <>
          <p>{t("approveApplicationAbout")}</p>
          {row.message && <blockquote>{row.message}</blockquote>}
        </>
      ),
      done: t("saved"),
      fields: [{ ...reason(), required: false }],
      act: ({ reason: why = "" }, key) => {
        const params = { path: { applicationId: row.id }, ...header(key) };
        return write(api.POST("/api/v1/applications/{applicationId}/approve", { params, body: { reason: why } }));
      },
    },
    may("POST /api/v1/applications/{applicationId}/reject") && {
      name: t("reject"),
      title: t("rejectApplication", { name: who(row) }),
      kind: "danger",
      about: <p>{t("rejectApplicationAbout")}</p>,
      done: t("saved"),
      fields: [reason()],
      act: ({ reason: why = "" }, key) => {
        const params = { path: { applicationId: row.id }, ...header(key) };
        return write(api.POST("/api/v1/applications/{applicationId}/reject", { params, body: { reason: why } }));
      },
    },
  ];
  const columns: Column<Application>[] = [
    { title: t("person"), cell: (row) => <Who of={row} /> },
    { title: t("phone"), cell: (row) => row.phone || "–" },
    { title: t("message"), cell: (row) => row.message || "–" },
    { title: t("program"), cell: (row) => row.programId },
    { title: t("since"), cell: (row) => <When at={row.createdAt} relative /> },
    {
      title: t("status"),
      cell: (row) =>
        row.status === "WAITING" ? (
          <Actions of={decide(row)} onDone={list.reload} />
        ) : (
          <>
            <Status of={row.status} text={word("JOINING", row.status)} />
            {row.reason && <small class="muted">{row.reason}</small>}
          </>
        ),
    },
  ];
  return (
    <Listed
      caption={t("applications")}
      list={list}
      columns={columns}
      id={(row) => row.id}
      empty={{ title: t(status === "WAITING" ? "noneApplies" : "noneSuch"), about: t("noneAppliesAbout") }}
    />
  );
}

function InvitationList({ status }: { status: string }) {
  const list = usePages<Invitation>(
    (cursor) => {
      const query = { ...(status && { status: status as Invitation["status"] }), ...(cursor && { cursor }) };
      return done(api.GET("/api/v1/invitations", { params: { query } }));
    },
    [status],
  );
  const revoke = (row: Invitation): Action => ({
    name: t("takeBack"),
    title: t("takeBackInvitation", { name: who(row) }),
    kind: "danger",
    about: <p>{t("takeBackAbout")}</p>,
    done: t("saved"),
    act: () => {
      const params = { path: { invitationId: row.id } };
      return write(api.DELETE("/api/v1/invitations/{invitationId}", { params }));
    },
  });
  const columns: Column<Invitation>[] = [
    { title: t("person"), cell: (row) => <Who of={row} /> },
    { title: t("program"), cell: (row) => row.programId },
    { title: t("made"), cell: (row) => <When at={row.createdAt} relative /> },
    { title: t("until"), cell: (row) => <When at={row.expiresAt} /> },
    {
      title: t("status"),
      cell: (row) => (
        <>
          <Status of={row.status === "PENDING" ? "REQUESTED" : row.status} text={word("JOINING", row.status)} />
          {row.status === "PENDING" && may("DELETE /api/v1/invitations/{invitationId}") && (
            <Actions of={[revoke(row)]} onDone={list.reload} />
          )}
        </>
      ),
    },
  ];
  return (
    <Listed
      caption={t("invitations")}
      list={list}
      columns={columns}
      id={(row) => row.id}
      empty={{ title: t("noneInvited"), about: t("noneInvitedAbout") }}
    />
  );
}
