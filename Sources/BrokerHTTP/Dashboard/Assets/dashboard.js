// The page of a session: header, views, drawer, and the live stream that moves them.

import * as acts from "./acts.js";
import * as api from "./api.js";
import { AuditView } from "./audit.js";
import * as details from "./details.js";
import { closeDialogs, notify } from "./dialog.js";
import { h } from "./dom.js";
import { Drawer } from "./drawer.js";
import { Header } from "./header.js";
import { listenToKeys, showHelp } from "./keys.js";
import { commandsView, entriesView, errorsView } from "./lists.js";
import { LiveStream } from "./live.js";
import { OverviewView } from "./overview.js";
import { ALL, Store } from "./store.js";
import { visible } from "./text.js";

const VIEWS = [["overview", "Overview"], ["entries", "Entries"], ["commands", "Commands"], ["errors", "Errors"],
    ["audit", "Audit"]];

/** Why a session ended, by the broker's word for it. */
const ENDS = {
    "logged out": "you logged out in another tab",
    "token revoked": "its token was revoked",
    idle: "nobody looked for a long time",
    draining: "the broker was drained and started again",
    "too slow": "this page read too slowly",
    "": "it was idle for too long, its token was revoked, or the broker was started again",
};

export class Dashboard {
    #session;
    #ended;
    #frame = 0;
    #abort = new AbortController();
    #store = new Store();
    #live = new LiveStream();
    #scope = ALL;
    #context;
    #views;

    /** The view that is shown. */
    view = null;

    /** `ended(note)` is called when there is no session any more. */
    constructor(root, session, ended) {
        this.#session = session;
        this.#ended = ended;
        this.#context = this.#makeContext();
        this.#views = [
            new OverviewView(this.#context), entriesView(this.#context), commandsView(this.#context), errorsView(this.#context),
            new AuditView(this.#context),
        ];
        this.main = h("main", { id: "main", tabindex: -1 });
        this.header = new Header(session, VIEWS, {
            scope: (org) => this.#setScope(org),
            help: showHelp,
            drain: () => acts.drain(this.#store.overview?.node ?? session.node),
            logOut: () => this.#logOut(),
            retry: () => this.#live.retryNow(),
            skip: (event) => {
                event.preventDefault();
                this.main.focus();
            },
        });
        const { top, tabs, banner } = this.header;
        this.drawer = new Drawer([top, tabs, this.main]);
        root.replaceChildren(h("div", { class: session.operator ? "shell" : "shell without-orgs" },
            top, tabs, banner, h("div", { class: "work" }, this.main, this.drawer.element)));
        this.#listen();
        this.#showView();
        this.#live.open();
    }

    #listen() {
        const { signal } = this.#abort;
        const live = this.#live;
        addEventListener("hashchange", () => this.#showView(), { signal });
        addEventListener("online", () => live.retryNow(), { signal });
        live.addEventListener("message", ({ detail }) => {
            this.#store.receive(detail);
            this.#changed();
        }, { signal });
        live.addEventListener("state", () => this.#changed(), { signal });
        live.addEventListener("signedOut", () => {
            this.#leave(`The session has ended: ${ENDS[live.reason] ?? visible(live.reason)}.`);
        }, { signal });
        // Between reports, for the countdown and for how long ago the last was.
        const clock = setInterval(() => live.state === "live" || this.#changed(), 1000);
        const stopKeys = listenToKeys(this);
        signal.addEventListener("abort", () => {
            clearInterval(clock);
            stopKeys();
        });
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
        this.header.orgs?.focus();
    }

    changeTheme() {
        this.header.changeTheme();
    }

    act() {
        (this.drawer.shown ?? this.view).act?.();
    }

    toggleFollow() {
        this.drawer.shown?.toggleFollow?.();
    }

    closeDrawer() {
        this.drawer.close();
    }

    // MARK: What views and details see

    #makeContext() {
        const dashboard = this;
        const open = (shown) => {
            this.drawer.open(shown);
            shown.update();
        };
        return {
            session: this.#session,
            store: this.#store,
            get scope() { return dashboard.#scope; },
            mayAct: !this.#session.read_only,
            // An entry without a key has no name to destroy it by; it goes with its client.
            mayDestroy: ({ key }) => !this.#session.read_only && key !== "",
            setScope: (org) => this.#setScope(org),
            openEntry: (entry) => open(details.entryDetails(this.#context, entry)),
            openExec: (exec) => open(details.execDetails(this.#context, exec)),
            openOrg: (org) => open(details.orgDetails(this.#context, org)),
            openFailure: (failure) => open(details.failureDetails(this.#context, failure)),
            openRecord: (record) => open(details.recordDetails(this.#context, record)),
            searchAudit: ({ org, ...filters }) => {
                this.closeDrawer();
                if (this.#session.operator) this.#setScope(org);
                this.goTo(VIEWS.length - 1);
                this.view.searchFor(filters);
            },
        };
    }

    #setScope(org) {
        if (this.#scope === org) return;
        this.#scope = org;
        this.#changed();
    }

    // MARK: Views

    #showView() {
        const name = location.hash.replace(/^#\//, "");
        const index = Math.max(0, VIEWS.findIndex(([candidate]) => candidate === name));
        if (this.view === this.#views[index]) return;
        this.closeDrawer();
        this.view = this.#views[index];
        this.main.replaceChildren(this.view.element);
        this.header.showView(index);
        this.#changed();
    }

    /** Drawn once a frame at most, and not at all while the page is hidden. */
    #changed() {
        this.#frame ||= requestAnimationFrame(() => {
            this.#frame = 0;
            this.#draw();
        });
    }

    #draw() {
        const { overview } = this.#store;
        if (overview && this.header.orgs) this.#scope = this.header.showOrgs(overview.orgs, this.#scope);
        const rows = [this.#store.entries(this.#scope), this.#store.execs(this.#scope), this.#store.failuresOf(this.#scope)];
        this.header.update(this.#live, overview, [null, ...rows.map(({ length }) => length), null]);
        this.main.classList.toggle("stale", ["reconnecting", "untold"].includes(this.#live.state));
        if (!overview) return;
        this.view.update();
        this.drawer.shown?.update();
    }

    // MARK: End

    async #logOut() {
        // Before the broker ends it, which would look like an end from elsewhere.
        this.#live.close();
        try {
            await api.logOut();
        } catch (refusal) {
            if (refusal.status !== 401) {
                notify(`Not logged out: ${refusal.message}`);
                this.#live.open();
                return;
            }
        }
        this.#leave("You are logged out.");
    }

    #leave(note) {
        this.#abort.abort();
        this.#live.close();
        this.closeDrawer();
        closeDialogs();
        cancelAnimationFrame(this.#frame);
        for (const view of this.#views) view.dispose();
        this.#ended(note);
    }
}
