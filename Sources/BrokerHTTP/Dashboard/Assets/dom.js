// Elements. What comes from the broker reaches the page as text nodes and attribute values only, never as markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes (`class`, `on…` as functions, true and false for those without a value) and children. */
export function h(tag, attributes = {}, ...children) {
    return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
    return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
    for (const [name, value] of Object.entries(attributes)) {
        if (name.startsWith("on") && typeof value === "function") {
            element.addEventListener(name.slice(2), value);
        } else if (value === true) {
            element.setAttribute(name, "");
        } else if (value !== false && value !== null && value !== undefined) {
            element.setAttribute(name, value);
        }
    }
    element.append(...children.filter((child) => child !== null && child !== undefined));
    return element;
}

/** Sets the text if it differs: an untouched text node keeps selections and costs no layout. */
export function setText(element, text) {
    if (element.textContent !== text) {
        element.textContent = text;
    }
}

/** A list of terms and values; values that are null are left out. */
export function facts(pairs) {
    return h("dl", { class: "facts" }, ...pairs.filter(([, value]) => value !== null && value !== undefined).map(
        ([term, value]) => h("div", {}, h("dt", {}, term), h("dd", {}, value))));
}

/** What stands where nothing is: a title, and what to do next. */
export function emptyState(title, ...lines) {
    return h("div", { class: "empty" }, h("p", { class: "empty-title" }, title),
        ...lines.map((line) => h("p", {}, line)));
}
