/** Changing what was read: where somebody was faster both versions are shown, and nothing is written over unseen. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Problem } from "../shared/api";
import { Dialog, Form } from "../shared/forms";
import { t, word } from "../shared/texts";
import { Button, type Column, Table } from "../shared/ui";

/**
 * `of`: what was read, with its version. `fields`: what of it is edited, as texts by name. `save`: writes what was
 * changed, if it is still that version. `read`: how it is now.
 */
export function Edit<T extends { version: number }, F extends Record<string, string>>(props: {
  title: string;
  of: T;
  fields: (of: T) => F;
  read: () => Promise<T>;
  save: (changed: Partial<F>, all: F, version: number, base: T) => Promise<unknown>;
  onClose: () => void;
  onDone: () => void;
  /** How a field is shown where two versions stand side by side. */
  show?: (name: keyof F & string, value: string) => string;
  isWrong?: boolean;
  children: (values: F, set: (name: keyof F & string, value: string) => void) => ComponentChildren;
}) {
  const [base, setBase] = useState(props.of);
  const [mine, setMine] = useState(props.fields(props.of));
  const [theirs, setTheirs] = useState<T>();
  const before = props.fields(base);
  const names = Object.keys(before) as (keyof F & string)[];
  const act = async () => {
    const changed = Object.fromEntries(
      names.filter((each) => mine[each] !== before[each]).map((each) => [each, mine[each]]),
    ) as Partial<F>;
    try {
      await props.save(changed, mine, base.version, base);
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 412) throw error;
      setTheirs(await props.read());
      return;
    }
    props.onDone();
  };
  const goOn = (their: T, keep: boolean) => {
    // what only they changed is theirs either way; of what both changed it is as was chosen
    const now = props.fields(their);
    const kept = names.map((each) => [each, keep && mine[each] !== before[each] ? mine[each] : now[each]]);
    setMine(Object.fromEntries(kept));
    setBase(their);
    setTheirs(undefined);
  };
  if (theirs) {
    const now = props.fields(theirs);
    const show = (name: keyof F & string, value: string) => (props.show ? props.show(name, value) : value) || "–";
    const columns: Column<keyof F & string>[] = [
      { title: "", cell: (row) => word("FIELD", row) },
      { title: t("theirs"), cell: (row) => show(row, now[row] ?? "") },
      { title: t("yours"), cell: (row) => show(row, mine[row] ?? "") },
    ];
    return (
      <Dialog title={t("conflict")} onClose={props.onClose}>
        <p>{t("conflictAbout")}</p>
        <Table
          caption={t("conflict")}
          columns={columns}
          rows={names.filter((each) => now[each] !== mine[each])}
          id={(row) => row}
        />
        <footer class="buttons">
          <Button onClick={() => goOn(theirs, false)}>{t("takeTheirs")}</Button>
          <Button kind="primary" onClick={() => goOn(theirs, true)}>
            {t("keepYours")}
          </Button>
        </footer>
      </Dialog>
    );
  }
  return (
    <Dialog title={props.title} onClose={props.onClose}>
      <Form
        submit={t("save")}
        input={[base.version, mine]}
        act={act}
        onCancel={props.onClose}
        disabled={props.isWrong ?? false}
      >
        {props.children(mine, (name, value) => setMine({ ...mine, [name]: value }))}
      </Form>
    </Dialog>
  );
}
