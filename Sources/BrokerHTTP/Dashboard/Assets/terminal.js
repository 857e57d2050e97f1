// The output of a command as lines: escape sequences are taken out, a carriage return writes the line anew. Bounded.

import { visibleLine } from "./text.js";

const MAX_LINES = 4000;
const MAX_CHARACTERS = 1 << 20;
const MAX_LINE_CHARACTERS = 4096;

/** Takes the escape sequences of ECMA-48 out of text that comes in pieces. */
export class EscapeFilter {
    #state = "text";

    plain(text) {
        let out = "";
        for (const character of text) {
            const code = character.codePointAt(0);
            switch (this.#state) {
            case "text":
                if (code === 0x1b) this.#state = "escape";
                else if (code === 0x9b) this.#state = "control";
                else if (code === 0x90 || code === 0x98 || code >= 0x9d && code <= 0x9f) this.#state = "string";
                else out += character;
                break;
            case "escape":
                if (character === "[") this.#state = "control";
                else if ("]PX^_".includes(character)) this.#state = "string";
                // Intermediate bytes: one more follows.
                else if (code < 0x20 || code > 0x2f) this.#state = code === 0x1b ? "escape" : "text";
                break;
            case "control":
                if (code === 0x1b) this.#state = "escape";
                else if (code >= 0x40 && code <= 0x7e || code === 0x0a) this.#state = "text";
                if (code === 0x0a) out += character;
                break;
            case "string":
                // A string without an end would swallow all that follows: a newline ends it.
                if (code === 0x1b) this.#state = "escape";
                else if (code === 0x07 || code === 0x9c || code === 0x0a) this.#state = "text";
                if (code === 0x0a) out += character;
                break;
            }
        }
        return out;
    }
}

/** Lines of stdout, stderr and notices in the order of their arrival; the oldest go beyond the bound. */
export class OutputLines {
    /** `{number, stream, text, changed}`; `number` counts up, without gaps; `changed` is reset by who draws. */
    lines = [];
    #number = 0;
    #characters = 0;
    #streams = new Map();
    #last = null;

    write(stream, bytes) {
        const state = this.#stream(stream);
        this.#append(stream, state, state.escapes.plain(state.decoder.decode(bytes, { stream: true })));
        this.#bound();
    }

    notice(text) {
        // What was half written is not gone on with: bytes are missing in between.
        this.#streams.clear();
        this.#add("notice", text);
        this.#bound();
    }

    #stream(name) {
        let state = this.#streams.get(name);
        if (!state) {
            state = { decoder: new TextDecoder(), escapes: new EscapeFilter(), line: null, returned: false };
            this.#streams.set(name, state);
        }
        return state;
    }

    #append(stream, state, text) {
        for (const piece of text.match(/[\n\r\b]|[^\n\r\b]+/g) ?? []) {
            if (piece === "\n") {
                if (!this.#isOpen(state)) this.#openLine(stream, state);
                state.line = null;
                state.returned = false;
            } else if (piece === "\r") {
                state.returned = true;
            } else {
                if (!this.#isOpen(state)) this.#openLine(stream, state);
                if (state.returned) this.#replace(state.line, "");
                state.returned = false;
                if (piece === "\b") this.#replace(state.line, Array.from(state.line.text).slice(0, -1).join(""));
                else this.#extend(stream, state, visibleLine(piece));
            }
        }
    }

    /** The other stream's line in between ends this one. */
    #isOpen(state) {
        return state.line !== null && state.line === this.#last;
    }

    #openLine(stream, state) {
        state.line = this.#add(stream, "");
    }

    #extend(stream, state, text) {
        let rest = text;
        while (rest) {
            const room = MAX_LINE_CHARACTERS - state.line.text.length;
            if (room <= 0) {
                this.#openLine(stream, state);
                continue;
            }
            this.#replace(state.line, state.line.text + rest.slice(0, room));
            rest = rest.slice(room);
        }
    }

    #add(stream, text) {
        const line = { number: this.#number, stream, text, changed: false };
        this.#number += 1;
        this.#characters += text.length + 1;
        this.lines.push(line);
        this.#last = line;
        return line;
    }

    #replace(line, text) {
        this.#characters += text.length - line.text.length;
        line.text = text;
        line.changed = true;
    }

    #bound() {
        let gone = 0;
        while (this.lines.length - gone > MAX_LINES || this.#characters > MAX_CHARACTERS && this.lines.length - gone > 1) {
            this.#characters -= this.lines[gone].text.length + 1;
            gone += 1;
        }
        if (gone) this.lines.splice(0, gone);
    }
}
