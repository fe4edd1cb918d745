using EmailRouter.Interop.Tests.Servers;
using EmailRouter.Mime;
using EmailRouter.Mime.Fuzz;
using Xunit.Abstractions;

namespace EmailRouter.Interop.Tests.Parsing;

/// <summary>The parser beside Python's <c>email</c> package: both read the same thousands of messages, and every difference is one that is explained.</summary>
public sealed class PythonEmailTests(ITestOutputHelper output)
{
    [ServerFact(Software.Python)]
    public async Task Right_mail_is_read_as_Python_reads_it()
    {
        List<byte[]> messages = [];
        var random = new Random(20260302);
        for (int i = 0; i < 1500; i++)
            messages.Add(await GeneratedMail.NextAsync(random, i));

        await CompareAsync(messages, isRight: true);
    }

    [ServerFact(Software.Python)]
    public async Task Wrong_mail_is_read_as_Python_reads_it_or_for_a_reason_otherwise()
    {
        var random = new Random(20260303);
        List<byte[]> seeds = [.. Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Corpus"), "*.eml").Order(StringComparer.Ordinal).Select(Corpus.Read)];
        for (int i = 0; i < 40; i++)
            seeds.Add(await GeneratedMail.NextAsync(random, i));
        var mutator = new Mutator(seeds);

        await CompareAsync([.. seeds, .. Enumerable.Range(0, 4000).Select(_ => mutator.Next(random, maximumSteps: 3)).Where(static m => m.Length < 50_000)], isRight: false);
    }

    private async Task CompareAsync(IReadOnlyList<byte[]> messages, bool isRight)
    {
        IReadOnlyList<MessageFacts> python = await PythonEmail.ReadAsync(messages);
        var reasons = new SortedDictionary<Difference, int>();
        List<string> unexplained = [];
        for (int i = 0; i < messages.Count; i++)
        {
            MimeMessage message = MimeMessage.Parse(messages[i]);
            foreach ((Difference reason, string what) in DifferenceJudge.Compare(message, MessageFacts.Of(message), python[i]))
            {
                reasons[reason] = reasons.GetValueOrDefault(reason) + 1;
                if (reason == Difference.Unexplained)
                    unexplained.Add($"message {i}: {what}");
            }
        }

        foreach ((Difference reason, int count) in reasons)
            output.WriteLine($"{count,6} {reason}");
        Assert.Equal(messages.Count, python.Count);
        Assert.True(unexplained.Count == 0, string.Join('\n', unexplained.Take(60)));
        if (isRight)
            Assert.Empty(reasons.Keys.Except([Difference.Whitespace]));
    }
}
