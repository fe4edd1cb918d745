namespace EmailRouter.Mime.Parsing;

/// <summary>What all parts of one parsed piece of memory have in common.</summary>
/// <param name="source">The bytes all offsets count from.</param>
/// <param name="limits">The bounds.</param>
/// <param name="diagnostics">Where remarks go; shared with the messages embedded in this one.</param>
internal sealed class ParseContext(ReadOnlyMemory<byte> source, MimeLimits limits, DiagnosticList diagnostics)
{
    public ReadOnlyMemory<byte> Source { get; } = source;

    public MimeLimits Limits { get; } = limits;

    public DiagnosticList Diagnostics { get; } = diagnostics;
}
