/// The commands of a shell program, in the order in which they stand there.
///
/// Flat, as a list of what begins and ends; that is enough to tell what is run, what is piped into what, and what is
/// text only. Nothing is expanded.
struct ShellScript: Sendable, Hashable {
    enum Event: Sendable, Hashable {
        case command(ShellCommand)
        /// The output of what stands before it goes into what follows.
        case pipe
        /// A pipeline ends.
        case end(isBackground: Bool)
        /// `( … )`, or `{ … }`, `if … fi`, `for … done` and the like, which run in the shell itself.
        case open(isSubshell: Bool)
        case close
        /// What follows is the body of this function.
        case function([UInt8])
    }

    var events: [Event] = []
}

/// A simple command of a shell program.
struct ShellCommand: Sendable, Hashable {
    struct Redirection: Sendable, Hashable {
        enum Kind: Sendable, Hashable {
            case input
            case output
            /// The word itself is the input.
            case hereString
        }

        var kind: Kind
        var target: ShellWord
    }

    /// `NAME=value` in front of the name.
    var assignments: [ShellWord] = []
    /// Name and arguments.
    var words: [ShellWord] = []
    /// But for here-documents, whose bodies are nobody's commands.
    var redirections: [Redirection] = []

    var isEmpty: Bool { assignments.isEmpty && words.isEmpty && redirections.isEmpty }
}

/// A word of a shell program, without its quotes.
struct ShellWord: Sendable, Hashable {
    enum Piece: Sendable, Hashable {
        /// Stands for itself.
        case text([UInt8])
        /// `*` or `?` that no quote protects.
        case wildcard(UInt8)
        /// `~` or `~user` at the beginning.
        case home(user: [UInt8])
        /// `$NAME`, `${NAME}`, `${NAME:-…}`. Empty: an expansion that gives something else than a variable's value.
        case parameter([UInt8])
        /// What these commands write, or a file to read it from: `$(…)`, backquotes, `<(…)`.
        case script(ShellScript)
    }

    var pieces: [Piece] = []

    init(pieces: [Piece] = []) {
        self.pieces = pieces
    }

    /// A word that stands for itself.
    init(literal: some Sequence<UInt8>) {
        pieces = [.text(Array(literal))]
    }

    /// Its bytes, where they can be told without running anything.
    var literal: [UInt8]? {
        var bytes: [UInt8] = []
        for piece in pieces {
            guard case .text(let text) = piece else { return nil }
            bytes += text
        }
        return bytes
    }

    /// The word as it goes into a program that is put together from words: what the shell would expand is written out
    /// again, what commands write is left out.
    var source: [UInt8] {
        pieces.reduce(into: []) { source, piece in
            switch piece {
            case .text(let text): source += text
            case .wildcard(let byte): source.append(byte)
            case .home(let user): source += "~".utf8 + user
            case .parameter(let name): source += "${".utf8 + name + "}".utf8
            case .script: break
            }
        }
    }
}
