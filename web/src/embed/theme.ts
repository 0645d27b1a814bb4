/** The owner's colour, made readable: text in it has the contrast that WCAG asks for, on light and on dark. */
type Colour = [number, number, number];

// where the colour's texts stand: on the tint below the current tab, which is the least that they differ from
const GROUNDS = { light: "#e8ecf1", dark: "#232a36" };
const LEAST = 4.6; // of 4.5, for what rounding takes

const parse = (hex: string): Colour => [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)) as Colour;
const text = (colour: Colour): string =>
  `#${colour.map((part) => Math.round(part).toString(16).padStart(2, "0")).join("")}`;

/** https://www.w3.org/TR/WCAG22/#dfn-relative-luminance */
function luminance(colour: Colour): number {
  const [red, green, blue] = colour.map((part) => {
    const of = part / 255;
    return of <= 0.04045 ? of / 12.92 : ((of + 0.055) / 1.055) ** 2.4;
  }) as Colour;
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

export function contrast(one: string, other: string): number {
  const [high, low] = [luminance(parse(one)), luminance(parse(other))].sort((a, b) => b - a) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

/** The colour, mixed with black or white until it can be read on `ground`. */
export function readable(hex: string, ground: string): string {
  const towards = luminance(parse(ground)) > 0.4 ? 0 : 255;
  for (let share = 0; share <= 1; share += 0.05) {
    const mixed = text(parse(hex).map((part) => part + (towards - part) * share) as Colour);
    if (contrast(mixed, ground) >= LEAST) return mixed;
  }
  return text([towards, towards, towards]);
}

export function dress(accent: string): void {
  const [light, dark] = [readable(accent, GROUNDS.light), readable(accent, GROUNDS.dark)];
  const on = (ground: string) => (contrast("#ffffff", ground) >= LEAST ? "#ffffff" : "#0b1220");
  const style = document.documentElement.style;
  style.setProperty("--accent", `light-dark(${light}, ${dark})`);
  style.setProperty("--on-accent", `light-dark(${on(light)}, ${on(dark)})`);
  style.setProperty("--go-ground", `light-dark(${GROUNDS.light}, ${GROUNDS.dark})`);
  style.setProperty("--go", `light-dark(${light}, ${dark})`);
}
