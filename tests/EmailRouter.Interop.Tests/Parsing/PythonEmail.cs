using System.Buffers.Binary;
using System.Diagnostics;
using System.Text.Json;
using EmailRouter.Interop.Tests.Servers;

namespace EmailRouter.Interop.Tests.Parsing;

/// <summary>Lets Python's <c>email</c> package read messages.</summary>
internal static class PythonEmail
{
    private const string Script = """
        import email, email.policy, hashlib, json, struct, sys
        def addresses(message, name):
            if name not in message:
                return None
            return [address.addr_spec for header in message.get_all(name) for address in header.addresses]
        def facts(message):
            parts = []
            for part in message.walk():
                leaf = not isinstance(part._payload, list)
                content = None
                if leaf:
                    content = hashlib.sha256(part.get_payload(decode=True) or b'').hexdigest()[:16]
                parts.append({'Type': part.get_content_type(), 'FileName': part.get_filename(), 'Content': content})
            subject = message['subject']
            date = message['date']
            date = date.datetime if date is not None else None
            identifier = message['message-id']
            return {
                'Subject': None if subject is None else str(subject), 'From': addresses(message, 'from'), 'To': addresses(message, 'to'),
                'MessageId': None if identifier is None else str(identifier),
                'Date': None if date is None else int(date.timestamp()), 'Parts': parts }
        def clean(value):
            if isinstance(value, str):
                return value.encode('utf-8', 'replace').decode('utf-8')
            if isinstance(value, list):
                return [clean(item) for item in value]
            if isinstance(value, dict):
                return {key: clean(item) for key, item in value.items()}
            return value
        with open(sys.argv[1], 'rb') as corpus, open(sys.argv[2], 'w', encoding='utf-8') as answers:
            while head := corpus.read(4):
                data = corpus.read(struct.unpack('<i', head)[0])
                try:
                    answer = facts(email.message_from_bytes(data, policy=email.policy.default))
                except Exception as problem:
                    answer = {'Subject': None, 'From': None, 'To': None, 'MessageId': None, 'Date': None, 'Parts': [], 'Error': type(problem).__name__}
                answers.write(json.dumps(clean(answer)) + '\n')
        """;

    public static async Task<IReadOnlyList<MessageFacts>> ReadAsync(IReadOnlyList<byte[]> messages, CancellationToken cancellationToken = default)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("emailrouter-python-");
        try
        {
            string script = Path.Combine(folder.FullName, "read.py"), corpus = Path.Combine(folder.FullName, "corpus"), answers = Path.Combine(folder.FullName, "answers");
            await File.WriteAllTextAsync(script, Script, cancellationToken);
            await using (FileStream file = File.Create(corpus))
            {
                byte[] head = new byte[4];
                foreach (byte[] message in messages)
                {
                    BinaryPrimitives.WriteInt32LittleEndian(head, message.Length);
                    await file.WriteAsync(head, cancellationToken);
                    await file.WriteAsync(message, cancellationToken);
                }
            }

            using Process process = Process.Start(new ProcessStartInfo(Installed.Find("python3")!, ["-W", "ignore", script, corpus, answers]) { RedirectStandardError = true })!;
            string problems = await process.StandardError.ReadToEndAsync(cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            Assert.True(process.ExitCode == 0, problems);
            return [.. (await File.ReadAllLinesAsync(answers, cancellationToken)).Select(static line => JsonSerializer.Deserialize<MessageFacts>(line)!)];
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
