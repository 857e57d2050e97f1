/// Turns what a pattern says into steps: an automaton after Thompson, one state per step.
struct ExpressionCompiler {
    private var program: [RegularExpression.Instruction] = []
    private let maximumSteps: Int

    init(maximumSteps: Int) {
        self.maximumSteps = maximumSteps
    }

    mutating func compile(_ node: ExpressionNode) throws(ExpressionFault) -> [RegularExpression.Instruction] {
        try emit(node)
        try append(.match)
        return program
    }

    private mutating func emit(_ node: ExpressionNode) throws(ExpressionFault) {
        switch node {
        case .empty: break
        case .bytes(let set): try append(.take(set))
        case .assertion(let assertion): try append(.assert(assertion))
        case .sequence(let nodes):
            for node in nodes { try emit(node) }
        case .choice(let branches): try emit(choice: branches)
        case .repeated(let node, let minimum, let maximum):
            for _ in 0..<minimum {
                let before = program.count
                try emit(node)
                // Nothing, however often: without this, nested counts would take for ever.
                if program.count == before { return }
            }
            if let maximum {
                try emit(node, atMost: maximum - minimum)
            } else {
                try emit(unlimited: node)
            }
        }
    }

    private mutating func emit(choice branches: [ExpressionNode]) throws(ExpressionFault) {
        var jumps: [Int] = []
        for branch in branches.dropLast() {
            let split = program.count
            try append(.split(split + 1, 0))
            try emit(branch)
            jumps.append(program.count)
            try append(.jump(0))
            program[split] = .split(split + 1, program.count)
        }
        if let last = branches.last { try emit(last) }
        for jump in jumps { program[jump] = .jump(program.count) }
    }

    private mutating func emit(_ node: ExpressionNode, atMost count: Int) throws(ExpressionFault) {
        var splits: [Int] = []
        for _ in 0..<count {
            splits.append(program.count)
            try append(.split(program.count + 1, 0))
            try emit(node)
        }
        for split in splits { program[split] = .split(split + 1, program.count) }
    }

    private mutating func emit(unlimited node: ExpressionNode) throws(ExpressionFault) {
        let split = program.count
        try append(.split(split + 1, 0))
        try emit(node)
        try append(.jump(split))
        program[split] = .split(split + 1, program.count)
    }

    private mutating func append(_ instruction: RegularExpression.Instruction) throws(ExpressionFault) {
        guard program.count < maximumSteps else {
            throw ExpressionFault(
                offset: 0,
                message: "it is too large, with its repetitions written out: at most \(maximumSteps) steps work"
            )
        }
        program.append(instruction)
    }
}
