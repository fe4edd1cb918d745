namespace EmailRouter.Mime.Parsing;

/// <summary>
/// Collects remarks, also those that come up later, when something is decoded. Bounded, so that a hostile message cannot fill memory with them.
/// </summary>
internal sealed class DiagnosticList
{
    private const int Maximum = 100;
    private readonly object gate = new();
    private volatile MimeDiagnostic[] items = [];

    public IReadOnlyList<MimeDiagnostic> Items => items;

    /// <summary>Gets or sets how many parts the message and everything decoded out of it have so far.</summary>
    public int PartCount { get; set; }

    /// <summary>Gets or sets how many bytes encoded multiparts and messages have become so far.</summary>
    public long DecodedBytes { get; set; }

    public void Add(MimeDiagnosticCode code, long offset, string text)
    {
        lock (gate)
        {
            MimeDiagnostic[] current = items;
            if (current.Length >= Maximum)
                return;
            var added = new MimeDiagnostic(code, offset, text);
            if (Array.IndexOf(current, added) < 0)
                items = [.. current, added];
        }
    }
}
