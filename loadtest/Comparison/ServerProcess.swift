/// A server that was started for a comparison and is ready.
struct ServerProcess {
    let name: String
    let endpoint: Endpoint
    let pid: Int32
    /// One for each connection in turn.
    let tokens: [String]
}
