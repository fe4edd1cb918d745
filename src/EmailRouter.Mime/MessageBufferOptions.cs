namespace EmailRouter.Mime;

/// <summary>Where the bytes of messages are kept and how many are accepted.</summary>
public sealed record MessageBufferOptions
{
    /// <summary>1 MiB, the default of <see cref="SpoolThreshold"/>.</summary>
    public const int DefaultSpoolThreshold = 1 << 20;

    /// <summary>150 MB, the default of <see cref="MaximumSize"/>.</summary>
    public const int DefaultMaximumSize = 150_000_000;

    /// <summary>Gets the defaults.</summary>
    public static MessageBufferOptions Default { get; } = new();

    /// <summary>Gets the size in bytes above which a message goes to a temporary file. Defaults to 1 MiB.</summary>
    public int SpoolThreshold { get; init; } = DefaultSpoolThreshold;

    /// <summary>Gets the size in bytes above which a message is refused. Defaults to 150 MB.</summary>
    public int MaximumSize { get; init; } = DefaultMaximumSize;

    /// <summary>Gets the folder of the temporary files. Defaults to the system's.</summary>
    public string? SpoolDirectory { get; init; }
}
