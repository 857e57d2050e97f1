import Foundation
import PackagePlugin

/// Embeds the files of the dashboard in the module, whichever there are, as text: a broker stays one file to deploy. As
/// an array of numbers, which is how resources are embedded otherwise, they take the compiler very long.
@main
struct EmbedDashboard: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: Target) throws -> [Command] {
        let assets = context.package.directoryURL.appending(path: "Sources/BrokerHTTP/Dashboard/Assets")
        let files = try FileManager.default.contentsOfDirectory(at: assets, includingPropertiesForKeys: nil)
            .sorted { $0.path() < $1.path() }
        let generated = context.pluginWorkDirectoryURL.appending(path: "DashboardFiles.swift")
        let script = """
            set -e
            {
                echo '/// The files of Sources/BrokerHTTP/Dashboard/Assets, in base64.'
                echo 'let dashboardFiles: [(name: String, base64: StaticString)] = ['
                for file in "$1"/*; do
                    printf '    ("%s", "' "$(basename "$file")"
                    base64 -w 0 "$file"
                    echo '"),'
                done
                echo ']'
            } > "$2"
            """
        return [
            .buildCommand(
                displayName: "Embedding the dashboard",
                executable: URL(filePath: "/bin/sh"),
                arguments: ["-c", script, "sh", assets.path(), generated.path()],
                inputFiles: files,
                outputFiles: [generated]
            )
        ]
    }
}
