// Text of others (keys, commands, paths, output) made safe to look at: what has no shape of its own, or changes the
// order of what stands around it, is shown instead of obeyed.

// Marks of direction, joiners and other characters of no width, separators, tags; controls of C1; what is no character.
const DECEPTIVE = /[\u0080-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|\p{Cs}/gu;
const CONTROLS = /[\u0000-\u001f\u007f]/g;
const CONTROLS_BUT_TAB = /[\u0000-\u0008\u000a-\u001f\u007f]/g;

const NAMES = { 0: "NUL", 7: "BEL", 8: "BS", 11: "VT", 12: "FF", 13: "CR", 27: "ESC", 127: "DEL" };

function shown(character) {
    if (character === "\n") return "\u21b5";
    if (character === "\t") return "\u21e5";
    const code = character.codePointAt(0);
    return `\u27e8${NAMES[code] ?? code.toString(16).toUpperCase().padStart(code < 0x100 ? 2 : 4, "0")}\u27e9`;
}

/** One line, for a name or a command: newlines and tabs are shown too. */
export function visible(text) {
    return String(text ?? "").replace(CONTROLS, shown).replace(DECEPTIVE, shown);
}

/** A line of output: tabs stay. */
export function visibleLine(text) {
    return text.replace(CONTROLS_BUT_TAB, shown).replace(DECEPTIVE, shown);
}

/** A text of several lines. */
export function visibleLines(text) {
    return String(text ?? "").split("\n").map(visibleLine).join("\n");
}

/** The start of a text, cut between characters. */
export function shortened(text, length) {
    const characters = Array.from(text);
    return characters.length <= length ? text : characters.slice(0, length - 1).join("") + "\u2026";
}
