namespace EmailRouter.Mime;

/// <summary>A message exceeded <see cref="MessageBufferOptions.MaximumSize"/>.</summary>
/// <param name="limit">The limit in bytes.</param>
public sealed class MessageTooLargeException(int limit) : IOException($"The message is larger than the limit of {limit:N0} bytes.")
{
    /// <summary>Gets the limit in bytes.</summary>
    public int Limit { get; } = limit;
}
