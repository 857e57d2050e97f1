extension DangerRule {
    /// `directory`: where it runs, nil where that is not known.
    func applies(to invocation: Invocation, in directory: TargetPath?) -> Bool {
        switch condition {
        case .isRun: true
        case .hasOperand: !invocation.operands.isEmpty
        case .firstOperand(let words):
            invocation.operands.first?.literal.map { words.contains(String(decoding: $0.prefix(32), as: UTF8.self)) }
                ?? false
        case .recursive(let letters, let places):
            invocation.isRecursive(letters: letters) && Self.name(invocation.operands[...], places, directory)
        case .moves(let places): Self.name(invocation.operands.dropLast(), places, directory)
        case .finds(let places): Self.finds(invocation, places, directory)
        case .writesDevice(let operands): Self.writesDevice(invocation, operands, directory)
        case .signalsEveryProcess: Self.signalsEveryProcess(invocation)
        case .runsDownload, .redirectsToDevice, .multipliesItself: false
        }
    }

    private static func name(
        _ operands: ArraySlice<ShellWord>,
        _ places: Set<TargetPath.Place>,
        _ directory: TargetPath?
    ) -> Bool {
        operands.contains { word in
            guard let place = TargetPath(word, in: directory)?.place else { return false }
            return places.contains(place)
        }
    }

    private static func finds(
        _ invocation: Invocation,
        _ places: Set<TargetPath.Place>,
        _ directory: TargetPath?
    ) -> Bool {
        let expression = FindExpression(invocation)
        return expression.removesEverything && name(expression.places[...], places, directory)
    }

    private static func writesDevice(
        _ invocation: Invocation,
        _ operands: WrittenOperands,
        _ directory: TargetPath?
    ) -> Bool {
        switch operands {
        case .all:
            invocation.operands.contains { TargetPath($0, in: directory)?.isDevice == true }
        case .last:
            invocation.operands.count > 1
                && invocation.operands.last.flatMap { TargetPath($0, in: directory) }?.isDevice == true
        case .prefixed(let prefix):
            invocation.operands.contains { TargetPath($0, after: prefix, in: directory)?.isDevice == true }
        }
    }

    /// A process id of -1, which follows the signal.
    private static func signalsEveryProcess(_ invocation: Invocation) -> Bool {
        var rest = invocation.arguments
        guard let first = rest.popFirst()?.literal else { return false }
        if ["-s", "-n", "--signal"].contains(where: { first.elementsEqual($0.utf8) }) { rest = rest.dropFirst() }
        return rest.contains { $0.literal?.elementsEqual("-1".utf8) == true }
    }
}
