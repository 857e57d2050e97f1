// What stands above every view: broker, connection, who is logged in, the views, and a banner where something is not as usual.

import { h, setText } from "./dom.js";
import { age, count } from "./format.js";
import { ALL } from "./store.js";
import { visible } from "./text.js";
import { changeTheme, themeName } from "./themes.js";

const WORDS = { connecting: "Connecting", live: "Live", untold: "No news", reconnecting: "Reconnecting", ended: "Ended" };

export class Header {
    /** Of the last report; for how old is what is shown. */
    #heard = 0;

    /** `views`: `[name, title]`; `on`: what `scope(org)`, `help`, `drain`, `logOut`, `retry` and `skip` do. */
    constructor(session, views, on) {
        const role = session.operator ? "operator" : session.read_only ? "read only" : "";
        const button = (label, onclick, kind = "") =>
            h("button", { type: "button", class: `button small ${kind}`, onclick }, label);
        this.session = session;
        this.node = h("span", { class: "meta" });
        this.connection = h("span", { class: "connection", role: "status" });
        this.orgs = session.operator
            ? h("select", { class: "orgs", "aria-label": "Org", onchange: () => on.scope(this.orgs.value) })
            : null;
        this.theme = button("", () => this.changeTheme());
        this.drain = session.operator && !session.read_only ? button("Drain…", on.drain, "quiet-danger") : null;
        const help = button("?", on.help, "help");
        help.setAttribute("aria-label", "Keyboard");
        this.top = h("header", { class: "top" },
            h("a", { class: "skip", href: "#main", onclick: on.skip }, "Skip to the content"),
            h("span", { class: "brand" }, h("img", { src: "/dashboard/favicon.svg", alt: "", width: 20, height: 20 }),
                "agent-broker"),
            this.node,
            this.connection,
            h("span", { class: "account" }, visible(session.org), role ? h("span", { class: "quiet" }, ` ${role}`) : null),
            h("div", { class: "top-acts" }, this.orgs, this.theme, help, this.drain, button("Log out", on.logOut)));

        this.links = views.map(([name, title], index) =>
            h("a", { href: `#/${name}`, title: `${title} (${index + 1})` }, title, h("span", { class: "tab-count" })));
        this.tabs = h("nav", { class: "tabs", "aria-label": "Views" }, ...this.links);

        this.what = h("span", { role: "alert" });
        // The countdown is not for ears.
        this.countdown = h("span", { "aria-hidden": "true" });
        this.retry = button("Try now", on.retry);
        this.banner = h("div", { class: "banner", hidden: true }, this.what, this.countdown, this.retry);
        this.#showTheme();
    }

    changeTheme() {
        changeTheme();
        this.#showTheme();
    }

    showView(index) {
        this.links.forEach((link, at) => {
            if (at === index) {
                link.setAttribute("aria-current", "page");
                link.scrollIntoView({ block: "nearest", inline: "nearest" });
            } else {
                link.removeAttribute("aria-current");
            }
        });
    }

    /** `counts`: of each view, null for one without. */
    update(live, overview, counts) {
        if (live.state === "live") this.#heard = Date.now();
        const { version, node } = overview ?? this.session;
        const draining = Boolean(overview?.draining);
        const uptime = overview ? `up ${age(overview.uptime_ms)}` : "";
        setText(this.node, [version, node ? `node ${visible(node)}` : "", uptime].filter(Boolean).join(" · "));
        document.title = `${draining ? "Draining · " : ""}${node || "agent-broker"} · agent-broker`;
        setText(this.connection, draining && live.state === "live" ? "Draining" : WORDS[live.state]);
        this.connection.className = `connection ${live.state}${draining ? " draining" : ""}`;
        if (this.drain) this.drain.disabled = draining || !["live", "untold"].includes(live.state);
        counts.forEach((value, index) => setText(this.links[index].lastChild, overview && value !== null ? count(value) : ""));
        this.#showBanner(live, draining, overview?.unfollowed);
    }

    /** Returns the chosen org: all of them where the one that was chosen is gone. */
    showOrgs(orgs, scope) {
        const names = orgs.map(({ org }) => org).sort();
        const shown = names.join(" ");
        if (this.orgs.dataset.shown !== shown) {
            this.orgs.dataset.shown = shown;
            this.orgs.replaceChildren(
                h("option", { value: ALL }, `All ${names.length} orgs`),
                ...names.map((name) => h("option", { value: name }, visible(name))));
        }
        this.orgs.value = names.includes(scope) ? scope : ALL;
        return this.orgs.value;
    }

    #showTheme() {
        setText(this.theme, `Theme: ${themeName()}`);
        this.theme.setAttribute("aria-label", `Theme: ${themeName()}, change`);
    }

    #showBanner(live, draining, unfollowed) {
        const lost = live.state === "reconnecting";
        const untold = live.state === "untold";
        const why = untold ? `The broker does not tell its state: ${visible(live.reason)}.` : live.reason
            ? `The broker ended the connection (${visible(live.reason)}).`
            : "The connection to the broker is lost.";
        const drains = "The broker drains: it takes no new calls, lets those in flight end, and then exits.";
        const silent = unfollowed ? `Errors are not shown as they come: ${visible(unfollowed)}.` : "";
        setText(this.what, lost || untold ? why : draining ? drains : silent);
        const seconds = Math.max(0, Math.ceil((live.retryAt - Date.now()) / 1000));
        const next = seconds ? `Next try in ${seconds} s.` : "Trying…";
        const since = this.#heard ? `What is shown is of ${age(Date.now() - this.#heard)} ago. ` : "";
        setText(this.countdown, lost ? since + next : untold ? `${since}It is asked again every second.` : "");
        this.retry.hidden = !lost;
        this.banner.hidden = !lost && !untold && !draining && !unfollowed;
    }
}
