internal import AgentBackend
internal import BackendPool
internal import LocalBackend

// How each part of the broker takes over a changed configuration.

extension ReloadStep {
    /// Limits and times of the pool; the entries of orgs that are gone end.
    static func pool(_ pool: BrokerCore.Pool) -> ReloadStep {
        ReloadStep { change throws(BackendError) in
            let configuration = PoolConfiguration(change.new.pool, orgs: change.newOrgs)
            try configuration.validate()
            return {
                // It was validated.
                try? pool.reconfigure(configuration)
                for org in change.removedOrgs { pool.evictAll(of: org.id) }
            }
        }
    }

    /// Limits of calls, for all orgs and each.
    static func admission(_ admission: CallAdmission) -> ReloadStep {
        ReloadStep(precedesOrgs: true) { change in
            {
                admission.update(change.new)
                for org in change.newOrgs.orgs { admission.update(limits: org.limits, of: org.id) }
            }
        }
    }

    /// What entries keep of their org.
    static func entries(_ factory: EntryFactory) -> ReloadStep {
        ReloadStep { change in { factory.orgsChanged(change) } }
    }

    /// What ended in the background of orgs that are gone. What runs there ends with its entry.
    static func background(_ background: BackgroundExecs) -> ReloadStep {
        ReloadStep { change in { for org in change.removedOrgs { background.forget(org.id) } } }
    }

    static func commands(_ isolation: CommandIsolation) -> ReloadStep {
        ReloadStep { change in
            let settings = CommandIsolation.Settings(change.new.exec)
            return { isolation.update(settings.limits, maximumRunningCommands: settings.maximumRunningCommands) }
        }
    }

    static func operationsLog(_ log: OperationsLog) -> ReloadStep {
        ReloadStep { change in { log.setMode(change.new.log.operations.mode) } }
    }

    /// What connections are made with from now on, and who may come in.
    static func connections(
        _ listener: WireListener,
        settings: @escaping @Sendable (BrokerConfiguration) -> ConnectionSettings
    ) -> ReloadStep {
        ReloadStep { change in
            let settings = settings(change.new)
            return { listener.update(settings, AdmissionLimits.ofProcess(change.new)) }
        }
    }
}

extension Reloader {
    /// Certificates and keys, which are read again also where their files are called as before. What flags say about
    /// TLS goes over the file, which has been looked at alone.
    static func certificates(
        of tls: ServerTLS?
    ) -> @Sendable (BrokerConfiguration.TLS) throws(BackendError) -> ReloadStep.Commit {
        { settings throws(BackendError) in
            if let tls { return try tls.prepare(settings) }
            guard settings.certificate == nil else {
                throw BackendError(
                    .invalidConfiguration,
                    message: "tls.cert: the broker was started without TLS: restart it to change that"
                )
            }
            return {}
        }
    }
}
