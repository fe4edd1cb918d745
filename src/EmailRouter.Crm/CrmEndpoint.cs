namespace EmailRouter.Crm;

/// <summary>An organization reached by HTTP, and how to talk to it.</summary>
public sealed record CrmEndpoint
{
    /// <summary>
    /// Gets the address: of the organization (<c>https://contoso.crm4.dynamics.com</c>, <c>https://crm.contoso.test/Contoso</c>) or of a deployment with several, then with
    /// <see cref="Organization"/>.
    /// </summary>
    public required Uri Url { get; init; }

    /// <summary>Gets the organization's unique name, where the address serves several; otherwise null.</summary>
    public string? Organization { get; init; }

    /// <summary>Gets the credentials. Work is spread over several, because servers limit what each user may ask. At least one.</summary>
    public required IReadOnlyList<CrmCredential> Credentials { get; init; }

    /// <summary>Gets a value indicating whether the log-in may cross a connection without TLS. Defaults to false.</summary>
    public bool AllowPlainTextPassword { get; init; }

    /// <summary>Gets further settings of the CRM system by name.</summary>
    public IReadOnlyDictionary<string, string> Options { get; init; } = new Dictionary<string, string>();
}

/// <summary>What a CRM system on HTTP needs beside the address: the clock, randomness, the network and whoever watches.</summary>
public sealed record CrmContext
{
    /// <summary>Gets the clock. Defaults to the system's.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Gets the randomness of waits, from 0 up to 1. Defaults to the system's.</summary>
    public Func<double> Random { get; init; } = System.Random.Shared.NextDouble;

    /// <summary>
    /// Gets what makes the HTTP handler for a credential: it trusts and pins certificates, does Windows log-ins, follows no redirects. Defaults to the platform's. Tests script it.
    /// </summary>
    public Func<CrmCredential, HttpMessageHandler> Http { get; init; } = static _ => new SocketsHttpHandler { AllowAutoRedirect = false };

    /// <summary>Gets the limit for the answer to one request. Defaults to 2 minutes, the server's own.</summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Gets who is told each request and answer, secrets left out; null when nobody asks.</summary>
    public IProgress<string>? ProtocolLog { get; init; }
}

/// <summary>A credential for a CRM.</summary>
public abstract record CrmCredential;

/// <summary>A user name and a password: Windows log-in, or claims. Never shown: <see cref="ToString"/> leaves the password out.</summary>
/// <param name="UserName">The user name, as <c>DOMAIN\user</c> or <c>user@domain</c>.</param>
/// <param name="Secret">The password.</param>
public sealed record CrmPassword(string UserName, string Secret) : CrmCredential
{
    /// <inheritdoc/>
    public override string ToString() => $"Password of {UserName}";
}

/// <summary>A source of OAuth access tokens.</summary>
/// <param name="Name">Who logs in, in words: the application or the user.</param>
/// <param name="GetTokenAsync">Gets a token that is valid now; its argument is true when a cached one was refused. May throw a <see cref="CrmException"/>.</param>
public sealed record CrmToken(string Name, Func<bool, CancellationToken, ValueTask<string>> GetTokenAsync) : CrmCredential
{
    /// <summary>Gets when the certificate of the log-in expires; null when it has none.</summary>
    public DateTimeOffset? CertificateExpiresOn { get; init; }

    /// <inheritdoc/>
    public override string ToString() => $"Token of {Name}";
}

/// <summary>The account the process runs under.</summary>
public sealed record CrmProcessAccount : CrmCredential
{
    /// <inheritdoc/>
    public override string ToString() => "Account of the process";
}
