/// What a request of the stateless era says of itself.
extension RPCRequest {
    package enum EnvelopeKey {
        package static let version = "io.modelcontextprotocol/protocolVersion"
        package static let capabilities = "io.modelcontextprotocol/clientCapabilities"
    }

    /// What it claims to be written in. Nil: it says nothing, and belongs to a conversation.
    package var claimedVersion: JSONValue? { meta?[EnvelopeKey.version] }

    /// Throws for a request that lacks what it has to say.
    package func checkEnvelope() throws(RPCError) {
        let missing = [EnvelopeKey.version, EnvelopeKey.capabilities].filter { meta?[$0] == nil }
        guard missing.isEmpty else {
            throw RPCError(.invalidParameters, "params._meta lacks \(missing.joined(separator: " and "))")
        }
    }
}
