/// Lets the options that all commands share stand before the command's name as well.
enum ArgumentOrder {
    /// Those that take a value, and those that do not.
    private static let options: Set<String> = [
        "--address", "--token", "--key", "--scope", "--backend", "--tls-ca", "--tls-cert", "--tls-key",
        "--tls-server-name",
    ]
    private static let flags: Set<String> = ["--json", "--tls"]
    /// Names that a second name follows.
    private static let groups: Set<String> = ["token", "keys", "workspace", "help"]

    /// With the shared options that stand before the command's name moved behind everything that is the command's, in
    /// the order given; what stands after `--` is never touched. Without a command's name, as it was.
    static func normalized(_ arguments: [String]) -> [String] {
        let own = ownArguments(of: arguments)
        var moved: ArraySlice<String> = []
        var names: ArraySlice<String> = []
        var rest = own
        while let argument = rest.first {
            let name = argument.prefix { $0 != "=" }
            if flags.contains(argument) || (options.contains(String(name)) && name.endIndex < argument.endIndex) {
                moved.append(argument)
                rest.removeFirst()
            } else if options.contains(argument), rest.count > 1 {
                moved += rest.prefix(2)
                rest.removeFirst(2)
            } else if groups.contains(argument), names.isEmpty {
                names.append(argument)
                rest.removeFirst()
            } else {
                break
            }
        }
        return Array(names + rest + moved + arguments[own.endIndex...])
    }

    /// Those before `--`.
    static func ownArguments(of arguments: [String]) -> ArraySlice<String> {
        arguments.prefix { $0 != "--" }
    }
}
