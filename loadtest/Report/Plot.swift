/// A plot as inline SVG: lines, steps or dots over two axes with names, units and a legend. Its colours are those of the
/// page's style sheet, so that it is right in the light and in the dark.
struct Plot {
    struct Series {
        enum Form { case line, steps, dots, crosses }

        var name: String
        /// Which of the colours of the style sheet, from 1 on.
        var color: Int
        var form: Form
        /// Each a line of its own.
        var segments: [[(x: Double, y: Double)]]

        init(name: String, color: Int, form: Form, segments: [[(x: Double, y: Double)]]) {
            (self.name, self.color, self.form, self.segments) = (name, color, form, segments)
        }

        init(name: String, color: Int, form: Form, points: [(x: Double, y: Double)]) {
            self.init(name: name, color: color, form: form, segments: [points])
        }

        var points: [(x: Double, y: Double)] { segments.flatMap { $0 } }
    }

    /// A line across the plot, with a name.
    struct Rule {
        var value: Double
        var name: String
    }

    var title: String
    /// With their units.
    var xName: String
    var yName: String
    var xKind = PlotScale.Kind.linear
    var yKind = PlotScale.Kind.linear
    var series: [Series]
    var horizontal: [Rule] = []
    var vertical: [Rule] = []
    /// Room at both ends of the x axis, for points that are few and lie at its ends.
    var xMargin = 0.0

    private static let (width, height) = (860.0, 340.0)
    private static let (left, right, top, bottom) = (70.0, 16.0, 44.0, 48.0)

    var svg: String {
        let points = series.flatMap(\.points)
        let x = PlotScale(xKind, holding: points.map(\.x))
        let y = PlotScale(yKind, holding: points.map(\.y) + horizontal.map(\.value))
        var parts = [
            #"<svg viewBox="0 0 \#(Int(Self.width)) \#(Int(Self.height))" role="img" aria-label="\#(Self.escaped(title))">"#
        ]
        parts += axes(x, y)
        parts += rules(x, y)
        parts += series.map { drawn($0, x, y) }
        parts += legend()
        return parts.joined(separator: "\n") + "\n</svg>"
    }

    private func place(_ x: PlotScale, _ value: Double) -> Double {
        Self.left + xMargin + x.place(value) * (Self.width - Self.left - Self.right - 2 * xMargin)
    }

    private func height(_ y: PlotScale, _ value: Double) -> Double {
        Self.height - Self.bottom - y.place(value) * (Self.height - Self.top - Self.bottom)
    }

    private func axes(_ x: PlotScale, _ y: PlotScale) -> [String] {
        let (floor, end) = (Self.height - Self.bottom, Self.width - Self.right)
        var parts: [String] = []
        for tick in y.ticks {
            let at = height(y, tick)
            parts.append(Self.line(Self.left, at, end, at, "grid"))
            parts.append(Self.text(Self.left - 8, at + 4, PlotScale.label(tick), "tick", anchor: "end"))
        }
        for tick in x.ticks {
            let at = place(x, tick)
            parts.append(Self.line(at, floor, at, floor + 5, "axis"))
            parts.append(Self.text(at, floor + 18, PlotScale.label(tick), "tick", anchor: "middle"))
        }
        parts.append(Self.line(Self.left, floor, end, floor, "axis"))
        parts.append(Self.text((Self.left + end) / 2, Self.height - 8, xName, "name", anchor: "middle"))
        let middle = (Self.top + floor) / 2
        parts.append(
            #"<text class="name" text-anchor="middle" transform="translate(16 \#(middle.text(1))) rotate(-90)">"#
                + "\(Self.escaped(yName))</text>"
        )
        return parts
    }

    private func rules(_ x: PlotScale, _ y: PlotScale) -> [String] {
        horizontal.flatMap { rule in
            let at = height(y, rule.value)
            return [
                Self.line(Self.left, at, Self.width - Self.right, at, "rule"),
                Self.text(Self.width - Self.right, at - 5, rule.name, "note", anchor: "end"),
            ]
        }
            + verticalRules(x)
    }

    /// Their names stand below one another where they would run into each other, and the rest is left out.
    private func verticalRules(_ x: PlotScale) -> [String] {
        var ends = [0.0, 0.0, 0.0]
        return vertical.flatMap { rule -> [String] in
            let at = place(x, rule.value)
            let line = Self.line(at, Self.top, at, Self.height - Self.bottom, "rule")
            guard let row = ends.firstIndex(where: { $0 <= at }) else { return [line] }
            ends[row] = at + 12 + Double(rule.name.count) * 6.5
            return [line, Self.text(at + 4, Self.top + 11 + 13 * Double(row), rule.name, "note", anchor: "start")]
        }
    }

    private func drawn(_ series: Series, _ x: PlotScale, _ y: PlotScale) -> String {
        let points = series.points.map { (place(x, $0.x), height(y, $0.y)) }
        switch series.form {
        case .line, .steps:
            let path = series.segments.map { segment in
                line(through: segment.map { (place(x, $0.x), height(y, $0.y)) }, inSteps: series.form == .steps)
            }
            return #"<path class="line c\#(series.color)" d="\#(path.joined())"/>"#
        case .dots:
            return points.map {
                #"<circle class="dot c\#(series.color)" cx="\#($0.0.text(1))" cy="\#($0.1.text(1))" r="4"/>"#
            }
            .joined()
        case .crosses:
            return points.map { Self.cross($0.0, $0.1, series.color) }.joined()
        }
    }

    private func line(through points: [(Double, Double)], inSteps: Bool) -> String {
        var path = ""
        var last: (Double, Double)?
        for point in points {
            if inSteps, let last { path += "L\(point.0.text(1)) \(last.1.text(1))" }
            path += "\(last == nil ? "M" : "L")\(point.0.text(1)) \(point.1.text(1))"
            last = point
        }
        return path
    }

    private func legend() -> [String] {
        var at = Self.left
        return series.flatMap { series -> [String] in
            defer { at += 40 + Double(series.name.count) * 7.5 }
            let mark =
                switch series.form {
                case .line, .steps:
                    #"<line class="line c\#(series.color)" x1="\#(at.text(1))" y1="18" x2="\#((at + 18).text(1))" y2="18"/>"#
                case .dots: #"<circle class="dot c\#(series.color)" cx="\#((at + 9).text(1))" cy="18" r="4"/>"#
                case .crosses: Self.cross(at + 9, 18, series.color)
                }
            return [mark, Self.text(at + 24, 22, series.name, "legend", anchor: "start")]
        }
    }

    // MARK: SVG

    private static func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ style: String) -> String {
        #"<line class="\#(style)" x1="\#(x1.text(1))" y1="\#(y1.text(1))" x2="\#(x2.text(1))" y2="\#(y2.text(1))"/>"#
    }

    private static func cross(_ x: Double, _ y: Double, _ color: Int) -> String {
        let (left, right, top, bottom) = (x - 4, x + 4, y - 4, y + 4)
        return
            #"<path class="line c\#(color)" d="M\#(left.text(1)) \#(top.text(1))L\#(right.text(1)) \#(bottom.text(1))"#
            + #"M\#(left.text(1)) \#(bottom.text(1))L\#(right.text(1)) \#(top.text(1))"/>"#
    }

    private static func text(_ x: Double, _ y: Double, _ text: String, _ style: String, anchor: String) -> String {
        #"<text class="\#(style)" text-anchor="\#(anchor)" x="\#(x.text(1))" y="\#(y.text(1))">\#(escaped(text))</text>"#
    }

    static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing("\"", with: "&quot;")
    }
}
