/** What can be done about something: a button each, a dialog that says what follows, and a form that does it once. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { DateField, Dialog, Form, Select, TextField } from "../shared/forms";
import { minorOf } from "../shared/money";
import { t } from "../shared/texts";
import { Button, tell } from "../shared/ui";

type Values = Record<string, string>;
export type ActionField = {
  name: string;
  label: string;
  kind?: "text" | "long" | "date" | "select" | "tick";
  /** An amount of so many decimals: what was typed reaches `act` as minor units. */
  digits?: number | ((values: Values) => number);
  options?: [string, string][];
  value?: string;
  required?: boolean;
  hint?: string;
  maxLength?: number;
  /** Whether it is asked for, as the others are filled in. */
  when?: (values: Values) => boolean;
};
export type Action = {
  name: string;
  title?: string;
  about?: ComponentChildren;
  submit?: string;
  kind?: "primary" | "danger";
  fields?: ActionField[];
  act: (values: Values, key: string) => Promise<unknown>;
  /** What to say once it is done. */
  done?: string;
};

/** The note that most decisions take. */
export const note = (required = false, hint = t("noteHint"), maxLength = 500, label = t("note")): ActionField => ({
  name: "note",
  label,
  kind: "long",
  required,
  hint,
  maxLength,
});

export const reason = (hint = t("noteHint"), maxLength = 500): ActionField => ({
  ...note(true, hint, maxLength, t("reason")),
  name: "reason",
});

/** One button for each of what can be done now. */
export function Actions(props: { of: (Action | false | undefined)[]; onDone: () => void; inTitle?: boolean }) {
  const [asked, setAsked] = useState<Action>();
  const open = props.of.filter((each): each is Action => Boolean(each));
  if (open.length === 0) return null;
  return (
    <>
      <div class={props.inTitle ? "buttons aside" : "buttons start"}>
        {open.map((each) => (
          <Button key={each.name} {...(each.kind && { kind: each.kind })} onClick={() => setAsked(each)}>
            {each.name} …
          </Button>
        ))}
      </div>
      <Asked of={asked} close={() => setAsked(undefined)} reload={props.onDone} />
    </>
  );
}

/** The dialog of what was asked for, if anything was; what is behind it is read again once it is done. */
export const Asked = (props: { of: Action | undefined; close: () => void; reload: () => void }) =>
  props.of ? (
    <Act
      of={props.of}
      onClose={props.close}
      onDone={() => {
        props.close();
        props.reload();
      }}
    />
  ) : null;

function Act(props: { of: Action; onClose: () => void; onDone: () => void }) {
  const { of } = props;
  const [values, setValues] = useState<Values>(() =>
    Object.fromEntries((of.fields ?? []).map((each) => [each.name, each.value ?? each.options?.[0]?.[0] ?? ""])),
  );
  const fields = (of.fields ?? []).filter((each) => each.when?.(values) ?? true);
  const minor = (each: ActionField): number | null => {
    const digits = typeof each.digits === "function" ? each.digits(values) : (each.digits ?? 0);
    return minorOf(values[each.name] ?? "", digits);
  };
  const isWrong = (each: ActionField) =>
    each.digits !== undefined && (values[each.name] || each.required) && minor(each) === null;
  const act = async (key: string) => {
    const told = fields.map((each): [string, string] => {
      const typed = (values[each.name] ?? "").trim();
      return [each.name, each.digits !== undefined && typed ? String(minor(each)) : typed];
    });
    await of.act(Object.fromEntries(told), key);
    if (of.done) tell(of.done);
    props.onDone();
  };
  return (
    <Dialog title={of.title ?? of.name} onClose={props.onClose}>
      {of.about && <div class="about">{of.about}</div>}
      <Form
        submit={of.submit ?? of.name}
        kind={of.kind === "danger" ? "danger" : "primary"}
        input={[of.name, values]}
        act={act}
        onCancel={props.onClose}
        disabled={fields.some(isWrong)}
      >
        {fields.map((each) => {
          const set = (value: string) => setValues({ ...values, [each.name]: value });
          const value = values[each.name] ?? "";
          if (each.kind === "date") return <DateField key={each.name} label={each.label} value={value} onInput={set} />;
          if (each.kind === "select")
            return (
              <Select key={each.name} label={each.label} value={value} options={each.options ?? []} onChange={set} />
            );
          if (each.kind === "tick")
            return (
              <p key={each.name}>
                <label>
                  <input
                    type="checkbox"
                    checked={value === "yes"}
                    onChange={(event) => set(event.currentTarget.checked ? "yes" : "")}
                  />{" "}
                  {each.label}
                </label>
                {each.hint && <small class="muted block">{each.hint}</small>}
              </p>
            );
          return (
            <TextField
              key={each.name}
              label={each.label}
              value={value}
              onInput={set}
              long={each.kind === "long"}
              required={each.required ?? false}
              {...(each.hint && { hint: each.hint })}
              {...(each.maxLength && { maxLength: each.maxLength })}
              {...(each.digits !== undefined && { inputMode: "decimal" as const })}
            />
          );
        })}
      </Form>
    </Dialog>
  );
}
