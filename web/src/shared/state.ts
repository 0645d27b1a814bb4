/** A value that several places show: whoever `use`s it is shown anew when it is another. */
import { useEffect, useReducer } from "preact/hooks";

export type State<T> = { value: T; use: () => T };

export function state<T>(first: T): State<T> {
  let current = first;
  const watchers = new Set<() => void>();
  return {
    get value() {
      return current;
    },
    set value(next: T) {
      current = next;
      for (const each of watchers) each();
    },
    use() {
      const [, showAnew] = useReducer((round: number) => round + 1, 0);
      useEffect(() => {
        const watcher = () => showAnew(undefined);
        watchers.add(watcher);
        return () => {
          watchers.delete(watcher);
        };
      }, []);
      return current;
    },
  };
}
