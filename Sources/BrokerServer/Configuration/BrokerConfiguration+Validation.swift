package import AgentBackend
internal import BrokerWire

extension BrokerConfiguration {
    /// Throws `INVALID_CONFIGURATION` with all that is wrong between the members. To be called once all layers
    /// are applied; a file was checked on its own already.
    package func validate() throws(BackendError) {
        if let error = BackendError(contradictions()) { throw error }
    }

    /// What no look at a single value can find. The paths are those of the file.
    func contradictions() -> [ConfigurationProblem] {
        var found: [ConfigurationProblem] = []
        func refuse(_ path: String, unless isFine: Bool, _ message: @autoclosure () -> String) {
            if !isFine { found.append(ConfigurationProblem(path: path, message: message())) }
        }

        refuse("root", unless: root.hasPrefix("/"), "must be an absolute path")
        refuse(
            "listen",
            unless: !listen.isEmpty || !tls.plainListen.isEmpty || unixSocket != nil,
            "there is nothing to listen on: name an address here, or a path in unix_socket"
        )
        refuse(
            "limits.max_head_bytes",
            unless: limits.maxHeadBytes <= limits.maxFrameBytes,
            "is more than limits.max_frame_bytes (\(Quantity.text(bytes: limits.maxFrameBytes))): lower it"
        )
        refuse(
            "limits.stream_window_bytes",
            unless: limits.streamWindowBytes <= limits.connectionWindowBytes,
            "is more than limits.connection_window_bytes (\(Quantity.text(bytes: limits.connectionWindowBytes))): "
                + "lower it"
        )
        refuse(
            "limits.auth_failure_delay",
            unless: limits.authFailureDelay <= limits.maxAuthFailureDelay,
            "is more than limits.max_auth_failure_delay (\(Quantity.text(limits.maxAuthFailureDelay))): lower it"
        )
        refuse(
            "http.max_body_bytes",
            unless: http.maxBodyBytes <= http.maxBodyBytesInFlight,
            "is more than http.max_body_bytes_in_flight (\(Quantity.text(bytes: http.maxBodyBytesInFlight))): lower it"
        )
        refuse(
            "files.max_page_bytes",
            unless: files.largestPage <= FileCallLimits.mostPageBytes,
            "leaves no room in an answer for a line of files.max_grep_line_bytes "
                + "(\(Quantity.text(bytes: files.maximumGrepLineBytes))) with files.max_grep_context "
                + "(\(files.maximumGrepContext)) lines around it: lower one of them"
        )
        refuse(
            "exec.default_timeout",
            unless: exec.defaultTimeout <= exec.maxTimeout,
            "is more than exec.max_timeout (\(Quantity.text(exec.maxTimeout))): lower it"
        )
        refuse(
            "exec.default_background_timeout",
            unless: exec.defaultBackgroundTimeout ?? .zero <= exec.maxTimeout,
            "is more than exec.max_timeout (\(Quantity.text(exec.maxTimeout))): lower it"
        )
        return found + contradictionsOfTLS() + repeatedListeners() + contradictionsOfIdentities() + repeatedNames()
    }

    private func repeatedListeners() -> [ConfigurationProblem] {
        var met: Set<TCPAddress> = []
        return [("listen", listen), ("tls.plain_listen", tls.plainListen), ("http.listen", http.listen)].flatMap {
            key,
            addresses in
            addresses.enumerated().compactMap { index, address in
                // The kernel chooses another port each time.
                if address.port == 0 || met.insert(address).inserted { return nil }
                return ConfigurationProblem(path: "\(key)[\(index)]", message: "\(address) is named twice: remove one")
            }
        }
    }

    private func contradictionsOfIdentities() -> [ConfigurationProblem] {
        // 65534 is nobody, 65535 and 4294967295 mean "no id".
        let reserved: [UInt32] = [65_534, 65_535, .max]
        guard identities.range.isEmpty || reserved.contains(where: identities.range.contains) else { return [] }
        return [
            ConfigurationProblem(
                path: "identities",
                message: "the \(identities.count) ids from \(identities.first) reach over 65534, 65535 or 4294967295, "
                    + "which have other meanings: choose another range, such as 65536 ids from 200000"
            )
        ]
    }

    private func repeatedNames() -> [ConfigurationProblem] {
        var found: [ConfigurationProblem] = []
        var orgNames: [String: Int] = [:]
        var tokenIDs: [String: String] = [:]
        for (orgIndex, org) in orgs.enumerated() {
            let path = "orgs[\(orgIndex)]"
            if !Name.isValid(org.name.utf8) {
                found.append(ConfigurationProblem(path: "\(path).name", message: "is no org name"))
            } else if let other = orgNames.updateValue(orgIndex, forKey: org.name) {
                found.append(
                    ConfigurationProblem(
                        path: "\(path).name",
                        message: "the org \"\(org.name)\" is defined in orgs[\(other)] already: merge the two"
                    )
                )
            }
            for (tokenIndex, token) in org.tokens.enumerated() where !token.id.isEmpty {
                let place = "\(path).tokens[\(tokenIndex)]"
                if token.role == .operator, token.keyPatterns != nil || token.isReadOnly {
                    found.append(
                        ConfigurationProblem(
                            path: "\(place).role",
                            message: "an operator's token reaches no key: leave out keys and read_only"
                        )
                    )
                }
                let path = "\(place).id"
                if let other = tokenIDs.updateValue(path, forKey: token.id) {
                    found.append(
                        ConfigurationProblem(
                            path: path,
                            message: "the id \(token.id) is that of \(other) already: every token has its own"
                        )
                    )
                }
            }
        }
        return found
    }
}
