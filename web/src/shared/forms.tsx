/** What is filled in, and what asks before it acts: apart from the rest, for what is looked at first needs none of it. */
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { newKey, type Problem } from "./api";
import { t } from "./texts";
import { asProblem, Button, Trouble } from "./ui";

export function Field(props: {
  label: string;
  hint?: string;
  children: (id: string, hint?: string) => ComponentChildren;
}) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      {props.children(id, props.hint ? `${id}-hint` : undefined)}
      {props.hint && (
        <small id={`${id}-hint`} class="muted">
          {props.hint}
        </small>
      )}
    </div>
  );
}

export function Select(props: {
  label: string;
  value: string;
  options: [string, string][];
  onChange: (value: string) => void;
}) {
  return (
    <Field label={props.label}>
      {(id) => (
        <select id={id} value={props.value} onChange={(event) => props.onChange(event.currentTarget.value)}>
          {props.options.map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

export function TextField(props: {
  label: string;
  value: string;
  onInput: (value: string) => void;
  hint?: string;
  required?: boolean;
  long?: boolean;
  inputMode?: "decimal" | "search" | "text";
  autoComplete?: string;
  maxLength?: number;
}) {
  return (
    <Field label={props.label} {...(props.hint ? { hint: props.hint } : {})}>
      {(id, hint) => {
        const common = { id, value: props.value, required: props.required ?? false, "aria-describedby": hint };
        const limit = props.maxLength ? { maxLength: props.maxLength } : {};
        return props.long ? (
          <textarea {...common} {...limit} rows={3} onInput={(event) => props.onInput(event.currentTarget.value)} />
        ) : (
          <input
            {...common}
            {...limit}
            inputMode={props.inputMode ?? "text"}
            autoComplete={props.autoComplete ?? "off"}
            onInput={(event) => props.onInput(event.currentTarget.value)}
          />
        );
      }}
    </Field>
  );
}

export const DateField = (props: { label: string; value: string; onInput: (value: string) => void }) => (
  <Field label={props.label}>
    {(id) => (
      <input id={id} type="date" value={props.value} onInput={(event) => props.onInput(event.currentTarget.value)} />
    )}
  </Field>
);

/** A dialog of the browser's own: it keeps the focus inside, and Escape closes it. */
export function Dialog(props: { title: string; onClose: () => void; children: ComponentChildren }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const shown = dialog.current;
    shown?.showModal();
    return () => shown?.close();
  }, []);
  return (
    <dialog ref={dialog} aria-labelledby={id} onClose={props.onClose}>
      <header>
        <h2 id={id}>{props.title}</h2>
        <button type="button" class="close" aria-label={t("close")} onClick={props.onClose}>
          ×
        </button>
      </header>
      {props.children}
    </dialog>
  );
}

/**
 * A form that does one thing, once. `act` gets the key of the intention: the same for every try of the same input, and
 * another one as soon as the input is another.
 */
export function Form(props: {
  submit: string;
  kind?: "primary" | "danger";
  input: unknown;
  act: (key: string) => Promise<unknown>;
  onCancel?: () => void;
  disabled?: boolean;
  children?: ComponentChildren;
}) {
  const [problem, setProblem] = useState<Problem>();
  const [isBusy, setBusy] = useState(false);
  const intention = useRef({ input: "", key: "" });
  const submit = async (event: Event) => {
    event.preventDefault();
    if (isBusy) return;
    const input = JSON.stringify(props.input);
    if (intention.current.input !== input) intention.current = { input, key: newKey() };
    setBusy(true);
    setProblem(undefined);
    try {
      await props.act(intention.current.key);
    } catch (error) {
      setProblem(asProblem(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form onSubmit={submit} aria-busy={isBusy}>
      {props.children}
      {problem && <Trouble problem={problem} />}
      <footer class="buttons">
        {props.onCancel && <Button onClick={props.onCancel}>{t("cancel")}</Button>}
        <button type="submit" class={`button ${props.kind ?? "primary"}`} disabled={isBusy || props.disabled}>
          {isBusy ? t("working") : props.submit}
        </button>
      </footer>
    </form>
  );
}
