/// What an agent of a mixed run does in one step.
enum MixedAction: String, TortureAction {
    case echo, burst, read, write, swap, look, list, move, memory, lease, keyless, command, input, refused
    case cancelled, late, dropped, torn, strange

    var weight: Int {
        switch self {
        case .echo: 300
        case .burst: 20
        case .read: 210
        case .write: 100
        case .swap: 15
        case .look: 90
        case .list: 20
        case .move: 30
        case .memory: 130
        case .lease: 25
        case .keyless: 3
        case .command: 15
        case .input: 2
        case .refused: 25
        case .cancelled: 8
        case .late: 3
        case .dropped: 2
        case .torn: 1
        case .strange: 1
        }
    }
}
