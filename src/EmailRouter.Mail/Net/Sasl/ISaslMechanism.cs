namespace EmailRouter.Mail.Net.Sasl;

/// <summary>The client's side of one SASL exchange (RFC 4422). One instance serves one exchange.</summary>
internal interface ISaslMechanism
{
    /// <summary>Gets the registered name, e.g. <c>PLAIN</c>.</summary>
    string Name { get; }

    /// <summary>
    /// Gets a value indicating whether the client may believe the server's success now. Mechanisms that also prove the server say no until it has.
    /// </summary>
    bool IsComplete { get; }

    /// <summary>Gets a value indicating whether whoever reads the line learns what suffices to log in: a password or a bearer token.</summary>
    bool RevealsSecret { get; }

    /// <summary>
    /// Gets why this cannot be the right server, or somebody sits between; null while there is no reason to think so. No other mechanism may be tried then:
    /// the next one might hand the password over.
    /// </summary>
    string? Refutation => null;

    /// <summary>Gets what the server or the platform said within the exchange about its failure; empty when nothing.</summary>
    string Explanation => string.Empty;

    /// <summary>Makes the client's first message.</summary>
    /// <param name="cancellationToken">Stops the attempt, e.g. to get a token.</param>
    /// <returns>The bytes before base64; null when the server speaks first.</returns>
    ValueTask<byte[]?> StartAsync(CancellationToken cancellationToken);

    /// <summary>Answers a challenge.</summary>
    /// <param name="challenge">The server's bytes after base64; empty when they were none or no base64.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The bytes before base64; null to cancel the exchange.</returns>
    ValueTask<byte[]?> RespondAsync(ReadOnlyMemory<byte> challenge, CancellationToken cancellationToken);
}
