using System.Globalization;
using EmailRouter.Mime;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.Routing.Rules;

/// <summary>
/// The mark by which a router knows its own test messages again. It is encrypted with the key of the configuration, so nobody else can make one, and needs no state.
/// </summary>
/// <param name="secrets">What protects the configuration's secrets.</param>
internal sealed class ProbeMark(ISecretProtector secrets)
{
    /// <summary>The header that carries the mark.</summary>
    public const string Header = "X-EmailRouter-Probe";

    private const string Prefix = "EmailRouter probe ";
    private const int LongestMark = 2000;

    /// <summary>Makes a mark.</summary>
    /// <param name="id">What tells this test from others.</param>
    /// <returns>The header's value.</returns>
    public string Make(Guid id) => secrets.Protect(Prefix + id.ToString("N", CultureInfo.InvariantCulture));

    /// <summary>Tells whether a message is a test of this router.</summary>
    /// <param name="message">The message.</param>
    /// <returns>True when its mark is right.</returns>
    public bool IsOn(MimeMessage message) => Read(message) is not null;

    /// <summary>Reads the mark of a message.</summary>
    /// <param name="message">The message.</param>
    /// <returns>What tells the test from others; null when it is no test of this router.</returns>
    public Guid? Read(MimeMessage message)
    {
        ArgumentNullException.ThrowIfNull(message);
        foreach (string mark in message.Headers.GetAll(Header).Take(2))
        {
            if (Open(mark) is { } id)
                return id;
        }

        return null;
    }

    private Guid? Open(string mark)
    {
        // A long header comes back with blanks where it was folded.
        string text = string.Concat(mark.Where(c => !char.IsWhiteSpace(c)));
        if (text.Length > LongestMark || !SecretProtector.IsProtected(text))
            return null;
        try
        {
            string opened = secrets.Unprotect(text);
            return opened.StartsWith(Prefix, StringComparison.Ordinal) && Guid.TryParseExact(opened.AsSpan(Prefix.Length), "N", out Guid id) ? id : null;
        }
        catch (RouterException)
        {
            return null;        // made with another key, or forged: then it is mail like any other
        }
    }
}
