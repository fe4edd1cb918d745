using System.Text;
using EmailRouter.Mail.Tests.Scripting;

namespace EmailRouter.Mail.Tests.Files;

/// <summary>A folder of its own for one test, with a clock whose time its files get.</summary>
public sealed class MailFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("emailrouter-mail-").FullName;

    public ManualClock Clock { get; } = new();

    public MailContext Context => new() { Clock = Clock };

    public MailLogin Login { get; } = new("Sales@Example.test", MailCredential.Anonymous);

    public MailEndpoint Endpoint(params (string Name, string Value)[] options) =>
        new() { Host = string.Empty, Path = Path, Options = options.ToDictionary(o => o.Name, o => o.Value) };

    public string At(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Writes a file as if it had been written some time ago.</summary>
    public string Put(string name, string content = "Subject: x\r\n\r\nbody\r\n", double secondsAgo = 60)
    {
        string path = At(name);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        File.WriteAllText(path, content, new UTF8Encoding(false));
        File.SetLastWriteTimeUtc(path, (Clock.GetUtcNow() - TimeSpan.FromSeconds(secondsAgo)).UtcDateTime);
        return path;
    }

    public static async Task<string> TextAsync(IMailboxSession session, MessageRef message)
    {
        await foreach (FetchedMessage fetched in session.FetchAsync([message], default))
        {
            using (fetched)
                return fetched.Error is { } error ? $"{error.ErrorId}" : Encoding.UTF8.GetString(fetched.Content!.Memory.Span);
        }

        throw new InvalidOperationException("Nothing was fetched.");
    }

    public static async Task<List<MessageRef>> ListAsync(IMailboxSession session) => await session.ListAsync(MailboxCursor.Start, default).ToListAsync();

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
