// The page of a session: header, views, drawer, and the live stream that moves them.

import * as acts from "./acts.js";
import * as api from "./api.js";
import { AuditView } from "./audit.js";
import * as details from "./details.js";
import { closeDialogs, notify } from "./dialog.js";
import { h, setText } from "./dom.js";
import { age, count } from "./format.js";
import { listenToKeys, showHelp } from "./keys.js";
import { commandsView, entriesView, errorsView } from "./lists.js";
import { LiveStream } from "./live.js";
import { OverviewView } from "./overview.js";
import { ALL, Store } from "./store.js";
import { visible } from "./text.js";
import { changeTheme, themeName } from "./themes.js";

const VIEWS = [["overview", "Overview"], ["entries", "Entries"], ["commands", "Commands"], ["errors", "Errors"], ["audit", "Audit"]];

/** Where the drawer lies over the page, as the style sheet has it. */
const OVERLAID = matchMedia("(max-width: 1000px)");

/** Why a session ended, by the broker's word for it. */
const ENDS = {
    "logged out": "you logged out in another tab", "token revoked": "its token was revoked", "idle": "nobody looked for a long time",
    "draining": "the broker was drained and started again", "too slow": "this page read too slowly", "": "it was idle for too long, its token was revoked, or the broker was started again",
};

export class Dashboard {
    #session;
    #ended;
    #drawer = null;
    #frame = 0;
    #abort = new AbortController();

    store = new Store();
    scope = ALL;
    live = new LiveStream();

    /** `ended(note)` is called when there is no session any more. */
    constructor(root, session, ended) {
        this.#session = session;
        this.#ended = ended;
        this.#makeHeader();
        const context = this.#context();
        this.views = new Map([
            ["overview", new OverviewView(context)], ["entries", entriesView(context)], ["commands", commandsView(context)],
            ["errors", errorsView(context)], ["audit", new AuditView(context)],
        ]);
        this.context = context;
        this.main = h("main", { id: "main", tabindex: -1 });
        this.drawer = h("aside", { class: "drawer", hidden: true });
        root.replaceChildren(h("div", { class: session.operator ? "shell" : "shell without-orgs" }, this.header, this.tabs, this.banner, h("div", { class: "work" }, this.main, this.drawer)));

        const { signal } = this.#abort;
        addEventListener("hashchange", () => this.#showView(), { signal });
        addEventListener("online", () => this.live.retryNow(), { signal });
        this.live.addEventListener("message", ({ detail }) => { this.store.receive(detail); this.#changed(); }, { signal });
        this.live.addEventListener("state", () => this.#changed(), { signal });
        this.live.addEventListener("signedOut", () => this.#leave(`The session has ended: ${ENDS[this.live.reason] ?? visible(this.live.reason)}.`), { signal });
        this.stopKeys = listenToKeys(this);
        // Between reports, for the countdown and for how long ago the last was.
        this.clock = setInterval(() => this.live.state === "live" || this.#changed(), 1000);
        this.#showView();
        this.live.open();
    }

    // MARK: What keys do

    goTo(index) {
        location.hash = `#/${VIEWS[index][0]}`;
        // At once, so that the next key meets the new view; the event of the change finds nothing to do.
        this.#showView();
        (this.view.scrolls ? this.main : this.view.table.element).focus({ preventScroll: true });
    }

    focusFilter() {
        if (!this.view.filter) this.goTo(1);
        this.view.filter.focus();
        this.view.filter.select();
    }

    focusOrgs() {
        this.orgs?.focus();
    }

    changeTheme() {
        changeTheme();
        this.#showTheme();
    }

    act() {
        if (this.#drawer) this.#drawer.act?.();
        else this.view.act?.();
    }

    toggleFollow() {
        this.#drawer?.toggleFollow?.();
    }

    // MARK: What views and details see

    #context() {
        const dashboard = this;
        return {
            session: this.#session,
            store: this.store,
            get scope() { return dashboard.scope; },
            mayAct: !this.#session.read_only,
            // An entry without a key has no name to destroy it by; it goes with its client.
            mayDestroy: ({ key }) => !this.#session.read_only && key !== "",
            setScope: (org) => this.#setScope(org),
            openEntry: (entry) => this.#open(details.entryDetails(this.context, entry)),
            openExec: (exec) => this.#open(details.execDetails(this.context, exec)),
            openOrg: (org) => this.#open(details.orgDetails(this.context, org)),
            openFailure: (failure) => this.#open(details.failureDetails(this.context, failure)),
            openRecord: (record) => this.#open(details.recordDetails(this.context, record)),
            openEntryOf: ({ org, key }) => {
                const entry = this.store.overview.entries.find((candidate) => candidate.org === org && candidate.key === key);
                if (entry) this.context.openEntry(entry);
                else notify("The entry of this command is not among those that the broker sends.");
            },
            searchAudit: ({ org, ...filters }) => {
                this.closeDrawer();
                if (this.#session.operator) this.#setScope(org);
                this.goTo(4);
                this.views.get("audit").searchFor(filters);
            },
        };
    }

    #setScope(org) {
        if (this.scope === org) return;
        this.scope = org;
        if (this.orgs) this.orgs.value = org;
        this.#changed();
    }

    #open(shown) {
        const before = this.#drawer ? null : document.activeElement;
        this.#drawer?.close();
        this.returnTo = before ?? this.returnTo;
        this.#drawer = shown;
        const close = h("button", { type: "button", class: "button small", onclick: () => this.closeDrawer() }, "Close");
        this.drawer.replaceChildren(h("header", { class: "drawer-head" },
            h("div", {}, h("p", { class: "drawer-kind" }, shown.kind), h("h2", {}, shown.title)), close), shown.element);
        this.drawer.classList.toggle("wide", Boolean(shown.wide));
        this.drawer.setAttribute("aria-label", `${shown.kind}: ${shown.title}`);
        this.drawer.hidden = false;
        if (this.store.overview) shown.update();
        if (OVERLAID.matches) {
            for (const element of [this.header, this.tabs, this.main]) element.inert = true;
            close.focus();
        }
    }

    closeDrawer() {
        if (!this.#drawer) return;
        this.#drawer.close();
        this.#drawer = null;
        this.drawer.hidden = true;
        this.drawer.replaceChildren();
        for (const element of [this.header, this.tabs, this.main]) element.inert = false;
        if (this.returnTo?.isConnected) this.returnTo.focus();
    }

    // MARK: Header

    #makeHeader() {
        this.node = h("span", { class: "meta" });
        this.connection = h("span", { class: "connection", role: "status" });
        this.orgs = this.#session.operator ? h("select", { class: "orgs", "aria-label": "Org", onchange: () => this.#setScope(this.orgs.value) }) : null;
        this.theme = h("button", { type: "button", class: "button small", onclick: () => this.changeTheme() });
        this.#showTheme();
        const role = this.#session.operator ? "operator" : this.#session.read_only ? "read only" : "";
        this.drainButton = this.#session.operator && !this.#session.read_only
            ? h("button", { type: "button", class: "button small quiet-danger", onclick: () => acts.drain(this.store.overview?.node ?? this.#session.node) }, "Drain…") : null;
        this.header = h("header", { class: "top" },
            h("a", { class: "skip", href: "#main", onclick: (event) => { event.preventDefault(); this.main.focus(); } }, "Skip to the content"),
            h("span", { class: "brand" }, h("img", { src: "/dashboard/favicon.svg", alt: "", width: 20, height: 20 }), "agent-broker"), this.node, this.connection,
            h("span", { class: "account" }, visible(this.#session.org), role ? h("span", { class: "quiet" }, ` ${role}`) : null),
            h("div", { class: "top-acts" }, this.orgs, this.theme,
                h("button", { type: "button", class: "button small help", "aria-label": "Keyboard", onclick: showHelp }, "?"), this.drainButton,
                h("button", { type: "button", class: "button small", onclick: () => this.#logOut() }, "Log out")));
        this.counts = new Map();
        const links = VIEWS.map(([name, title], index) => {
            const number = h("span", { class: "tab-count" });
            this.counts.set(name, number);
            return h("a", { href: `#/${name}`, title: `${title} (${index + 1})` }, title, number);
        });
        this.tabs = h("nav", { class: "tabs", "aria-label": "Views" }, ...links);
        this.bannerText = h("span", { role: "alert" });
        // The countdown is not for ears.
        this.bannerClock = h("span", { class: "banner-clock", "aria-hidden": "true" });
        this.retry = h("button", { type: "button", class: "button small", onclick: () => this.live.retryNow() }, "Try now");
        this.banner = h("div", { class: "banner", hidden: true }, this.bannerText, this.bannerClock, this.retry);
    }

    #showTheme() {
        setText(this.theme, `Theme: ${themeName()}`);
        this.theme.setAttribute("aria-label", `Theme: ${themeName()}, change`);
    }

    #showHeader() {
        const { overview } = this.store;
        const { version, node } = overview ?? this.#session;
        setText(this.node, [version, node ? `node ${visible(node)}` : "", overview ? `up ${age(overview.uptime_ms)}` : ""].filter(Boolean).join(" · "));
        document.title = `${overview?.draining ? "Draining · " : ""}${node || "agent-broker"} · agent-broker`;
        const draining = Boolean(overview?.draining);
        const words = { connecting: "Connecting", live: draining ? "Draining" : "Live", reconnecting: "Reconnecting", ended: "Ended" }[this.live.state];
        setText(this.connection, words);
        this.connection.className = `connection ${this.live.state}${draining ? " draining" : ""}`;
        if (this.drainButton) this.drainButton.disabled = draining || this.live.state !== "live";
        this.#showBanner(draining);
        for (const [name, value] of [["entries", this.store.entries(this.scope).length], ["commands", this.store.execs(this.scope).length], ["errors", this.store.failuresOf(this.scope).length]]) {
            setText(this.counts.get(name), overview ? count(value) : "");
        }
        if (this.orgs && overview) this.#showOrgs(overview.orgs);
    }

    #showBanner(draining) {
        const { live } = this;
        const lost = live.state === "reconnecting";
        const seconds = Math.max(0, Math.ceil((live.retryAt - Date.now()) / 1000));
        const why = live.reason ? `The broker ended the connection (${visible(live.reason)}).` : "The connection to the broker is lost.";
        setText(this.bannerText, lost ? why : draining ? "The broker drains: it takes no new calls, lets those in flight end, and then exits." : "");
        const since = this.store.overview ? `What is shown is of ${age(Date.now() - this.heard)} ago. ` : "";
        setText(this.bannerClock, lost ? `${since}${seconds ? `Next try in ${seconds} s.` : "Trying…"}` : "");
        this.retry.hidden = !lost;
        this.banner.hidden = !lost && !draining;
        this.banner.classList.toggle("lost", lost);
        this.main.classList.toggle("stale", lost);
    }

    #showOrgs(orgs) {
        const names = orgs.map(({ org }) => org).sort();
        const shown = names.join(" ");
        if (this.orgs.dataset.shown === shown) return;
        this.orgs.dataset.shown = shown;
        this.orgs.replaceChildren(h("option", { value: ALL }, `All ${names.length} orgs`), ...names.map((name) => h("option", { value: name }, visible(name))));
        if (!names.includes(this.scope)) this.scope = ALL;
        this.orgs.value = this.scope;
    }

    // MARK: Views

    #showView() {
        const name = location.hash.replace(/^#\//, "");
        const index = Math.max(0, VIEWS.findIndex(([candidate]) => candidate === name));
        const view = this.views.get(VIEWS[index][0]);
        if (this.view === view) return;
        this.closeDrawer();
        this.view = view;
        this.main.className = `main-${VIEWS[index][0]}`;
        this.main.replaceChildren(view.element);
        [...this.tabs.querySelectorAll("a")].forEach((link, at) => {
            if (at === index) {
                link.setAttribute("aria-current", "page");
                link.scrollIntoView({ block: "nearest", inline: "nearest" });
            } else {
                link.removeAttribute("aria-current");
            }
        });
        this.#changed();
    }

    /** Drawn once a frame at most, and not at all while the page is hidden. */
    #changed() {
        if (this.live.state === "live") this.heard = Date.now();
        this.#frame ||= requestAnimationFrame(() => {
            this.#frame = 0;
            this.#showHeader();
            if (!this.store.overview) return;
            this.view.update();
            this.#drawer?.update();
        });
    }

    // MARK: End

    async #logOut() {
        try {
            await api.logOut();
            this.#leave("You are logged out.");
        } catch (refusal) {
            if (refusal.status === 401) this.#leave("You are logged out.");
            else notify(`Not logged out: ${refusal.message}`);
        }
    }

    #leave(note) {
        this.#abort.abort();
        this.live.close();
        this.closeDrawer();
        closeDialogs();
        this.stopKeys();
        clearInterval(this.clock);
        cancelAnimationFrame(this.#frame);
        for (const view of this.views.values()) view.dispose();
        this.#ended(note);
    }
}
