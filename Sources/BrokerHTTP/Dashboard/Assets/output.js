// The live output of one command.

import * as api from "./api.js";
import { h, setText } from "./dom.js";
import { bytes, count, words } from "./format.js";
import { OutputLines } from "./terminal.js";
import { visible } from "./text.js";

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 15000;

export class OutputPanel {
    #exec;
    #source = null;
    #timer = 0;
    #wait = FIRST_WAIT_MS;
    #offsets = { stdout: 0, stderr: 0 };
    #lines = new OutputLines();
    #elements = new Map();
    #frame = 0;
    #following = true;
    #ended = false;
    #unseen = 0;

    /** `ended(end)` is called once, with what the broker says about the command's end. */
    constructor(exec, { ended }) {
        this.#exec = exec;
        this.endedWith = ended;
        this.state = h("span", { class: "output-state", role: "status" }, "Connecting…");
        this.followButton = h("button", { type: "button", class: "button small", "aria-pressed": "true",
            onclick: () => this.follow(!this.#following) }, "Following");
        this.streamChoice = h("select", { class: "small", "aria-label": "Streams", onchange: () => this.#showStreams() },
            h("option", { value: "both" }, "Both streams"), h("option", { value: "stdout" }, "stdout"),
            h("option", { value: "stderr" }, "stderr"));
        this.text = h("div", {
            class: "output-text", tabindex: 0, role: "log", "aria-live": "off", "aria-label": "Output of the command",
            onscroll: () => this.#scrolled(),
        });
        this.element = h("section", { class: "output" },
            h("header", { class: "output-head" }, h("h3", {}, "Output"), this.state, this.streamChoice,
                this.followButton), this.text);
        this.#open();
    }

    follow(following) {
        this.#following = following;
        if (following) {
            this.#unseen = 0;
            this.text.scrollTop = this.text.scrollHeight;
        }
        this.#showFollowing();
    }

    toggleFollow() {
        this.follow(!this.#following);
    }

    close() {
        clearTimeout(this.#timer);
        cancelAnimationFrame(this.#frame);
        this.#source.close();
    }

    #open() {
        const source = new EventSource(api.outputPath(this.#exec, this.#offsets));
        this.#source = source;
        source.addEventListener("open", () => this.#say("Live"));
        source.addEventListener("output", (event) => this.#received(JSON.parse(event.data)));
        source.addEventListener("gap", (event) => {
            const gap = JSON.parse(event.data);
            this.#lines.notice(`${bytes(gap.bytes)} of ${gap.stream === "stderr" ? "stderr" : "stdout"} are not kept any more`);
            this.#draw();
        });
        source.addEventListener("end", (event) => this.#end(JSON.parse(event.data)));
        source.addEventListener("error", () => this.#lost());
    }

    #received({ stream, offset, data }) {
        if (stream !== "stdout" && stream !== "stderr") return;
        this.#wait = FIRST_WAIT_MS;
        let received = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
        // After a reconnection some may come again.
        const known = this.#offsets[stream] - offset;
        if (known > 0) received = received.subarray(known);
        if (!received.length) return;
        this.#offsets[stream] = Math.max(this.#offsets[stream], offset) + received.length;
        this.#lines.write(stream, received);
        this.#draw();
    }

    async #lost() {
        this.#source?.close();
        if (this.#ended) return;
        const wait = this.#wait;
        this.#wait = Math.min(wait * 2, LONGEST_WAIT_MS);
        this.#say("Connection lost, trying again…");
        this.#timer = setTimeout(() => this.#open(), wait);
    }

    /** The command is not among the running ones any more, and the stream did not say how it ended. */
    gone() {
        if (this.#ended || this.#source.readyState !== EventSource.CLOSED) return;
        this.#ended = true;
        this.close();
        this.#say("Ended; how is in the audit log");
    }

    #end(end) {
        this.#ended = true;
        this.#source?.close();
        const words = endWords(end);
        this.#lines.notice(words);
        this.#say("Ended");
        this.endedWith(end, words);
        this.#draw();
    }

    #say(words) {
        setText(this.state, words);
        this.state.classList.toggle("live", words === "Live");
    }

    #draw() {
        this.#frame ||= requestAnimationFrame(() => {
            this.#frame = 0;
            this.#drawNow();
        });
    }

    #drawNow() {
        const { lines } = this.#lines;
        const first = lines[0]?.number ?? 0;
        for (const [number, element] of this.#elements) {
            if (number >= first) break;
            element.remove();
            this.#elements.delete(number);
        }
        for (const line of lines.slice(0, this.#elements.size)) {
            if (line.changed) setText(this.#elements.get(line.number), line.text);
            line.changed = false;
        }
        const fresh = lines.slice(this.#elements.size);
        for (const line of fresh) {
            this.#elements.set(line.number, h("div", { class: `line ${line.stream}` }, line.text));
            line.changed = false;
        }
        this.text.append(...fresh.map(({ number }) => this.#elements.get(number)));
        if (this.#following) this.text.scrollTop = this.text.scrollHeight;
        else this.#unseen += fresh.length;
        this.#showFollowing();
    }

    /** Scrolling up stops following, scrolling to the end starts it again. */
    #scrolled() {
        const atEnd = this.text.scrollHeight - this.text.scrollTop - this.text.clientHeight < 8;
        if (atEnd !== this.#following) {
            this.#following = atEnd;
            if (atEnd) this.#unseen = 0;
            this.#showFollowing();
        }
    }

    #showFollowing() {
        this.followButton.setAttribute("aria-pressed", String(this.#following));
        const unseen = this.#unseen ? ` (${count(this.#unseen)} new)` : "";
        setText(this.followButton, this.#following ? "Following" : `Paused${unseen}: follow`);
    }

    #showStreams() {
        for (const stream of ["stdout", "stderr"]) {
            this.text.classList.toggle(`only-${stream}`, this.streamChoice.value === stream);
        }
        if (this.#following) this.text.scrollTop = this.text.scrollHeight;
    }
}

export function endWords({ end, exit_code: code, signal }) {
    if (end === "exited") return `exited with status ${code ?? "unknown"}`;
    if (end === "signaled") return `ended by signal ${signal ?? "unknown"}`;
    return `ended: ${words(visible(end))}`;
}
