/// What an agent of a run of commands does in one step.
enum ExecAction: String, TortureAction {
    case nothing, output, code, signal, input, scoped, arguments, unstartable
    case leftovers, timeout, deadline, cancelled, interrupted, dropped
    case detached, killed, keyless

    var weight: Int {
        switch self {
        case .nothing: 240
        case .output: 200
        case .code: 150
        case .signal: 50
        case .input: 60
        case .scoped: 50
        case .arguments: 40
        case .unstartable: 40
        case .leftovers: 70
        case .timeout: 12
        case .deadline: 10
        case .cancelled: 20
        case .interrupted: 10
        case .dropped: 5
        case .detached: 30
        case .killed: 10
        case .keyless: 3
        }
    }
}
