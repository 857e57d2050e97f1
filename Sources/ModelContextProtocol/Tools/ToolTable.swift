/// The tools, in the order in which clients list them: those of the official file system server, then those of
/// commands and searches.
enum ToolTable {
    static let all: [any Tool] = [
        ReadTextFileTool.deprecated, ReadTextFileTool.current, ReadMediaFileTool(), ReadMultipleFilesTool(),
        WriteFileTool(), EditFileTool(), CreateDirectoryTool(), ListDirectoryTool(), ListDirectoryWithSizesTool(),
        DirectoryTreeTool(), MoveFileTool(), SearchFilesTool(), GetFileInfoTool(), ListAllowedDirectoriesTool(),
        ReadLinesTool(), GlobTool(), GrepTool(), ExecTool(), ExecStartTool(), ExecOutputTool(), ExecInputTool(),
        ExecKillTool(), ExecListTool(),
    ]

    private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.definition.name, $0) })

    static func tool(_ name: String) -> (any Tool)? { byName[name] }

    /// As `tools/list` tells of them.
    static let json = JSONValue.array(all.map(\.definition.json))
}
