import AgentBackend
import ArgumentParser
import BrokerClient

/// How a client speaks TLS. Any of these says that it does.
struct TLSOptions: ParsableArguments {
    @Flag(help: "Connect with TLS.")
    var tls = false

    @Option(help: ArgumentHelp("The authorities that may have signed the broker's certificate.", valueName: "file"))
    var tlsCa: String?

    @Option(help: ArgumentHelp("The client's certificate, for a broker that asks for one.", valueName: "file"))
    var tlsCert: String?

    @Option(help: ArgumentHelp("Its key.", valueName: "file"))
    var tlsKey: String?

    @Option(help: ArgumentHelp("The name that the broker's certificate has to have.", valueName: "host"))
    var tlsServerName: String?

    /// Nil: no TLS.
    func resolved() throws(BackendError) -> BrokerTLS? {
        let authorities = tlsCa ?? ClientOptions.environmentVariable("AGENT_BROKER_TLS_CA")
        let certificate = tlsCert ?? ClientOptions.environmentVariable("AGENT_BROKER_TLS_CERT")
        let key = tlsKey ?? ClientOptions.environmentVariable("AGENT_BROKER_TLS_KEY")
        let isWanted = tls || ClientOptions.environmentVariable("AGENT_BROKER_TLS") == "1"
        var result = BrokerTLS(authorities: authorities, serverName: tlsServerName)
        switch (certificate, key) {
        case (let certificate?, let key?): result.identity = BrokerTLS.Identity(certificate: certificate, key: key)
        case (nil, nil): break
        default: throw ClientOptions.usage("a certificate goes with its key: give both --tls-cert and --tls-key")
        }
        return isWanted || result != BrokerTLS() ? result : nil
    }
}
