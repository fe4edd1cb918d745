using System.Text;
using System.Text.RegularExpressions;
using EmailRouter.Crm;
using EmailRouter.Lab.Samples;
using EmailRouter.Lab.Seed;
using EmailRouter.Mime;
using EmailRouter.Routing;
using EmailRouter.Routing.Incoming;

namespace EmailRouter.Lab.Tests.Samples;

public sealed partial class SampleSetTests
{
    public static TheoryData<string> Files => [.. SampleSet.Load().Select(s => s.File)];

    [Fact]
    public void Every_file_has_one_entry_and_every_entry_a_file() =>
        Assert.Equal(SampleSet.FileNames, SampleSet.Load().Select(s => s.File).Order(StringComparer.Ordinal));

    [Fact]
    public void There_are_at_least_forty_messages_in_two_phases()
    {
        IReadOnlyList<SampleMessage> samples = SampleSet.Load();
        Assert.True(samples.Count >= 40);
        Assert.Equal([1, 2], samples.Select(s => s.Phase).Distinct().Order());
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Entries_use_words_and_records_that_exist(string file)
    {
        SampleMessage sample = Find(file);
        string[] mailboxes = [.. SeedOrganization.Users.Select(u => u.Address), .. SeedOrganization.Queues.Select(q => q.Address)];
        Assert.NotEmpty(sample.Mailboxes);
        Assert.All(sample.Mailboxes, m => Assert.Contains(m, mailboxes));
        Assert.All(sample.Actions.Keys, a => Assert.True(Enum.TryParse<DecisionAction>(a, out _), a));
        Assert.True(sample.Actions.Count == 0 || sample.Actions.Values.Sum() == sample.Mailboxes.Count);
        string[] reasons =
        [
            .. Enum.GetNames<CheckReason>(), DecisionReasons.MessageClassNotTracked, DecisionReasons.MailLoop, DecisionReasons.BounceMatched, DecisionReasons.BounceUnmatched,
        ];
        Assert.All(sample.Reasons, r => Assert.Contains(r, reasons));
        Assert.True(sample.Actions.Count == 0 || sample.Reasons.Count > 0);
        Assert.True(sample.Correlation is null || Enum.TryParse<CorrelationMethod>(sample.Correlation, out _));
        Assert.True(sample.Notification is null || Enum.TryParse<EmailNotification>(sample.Notification, out _));
        Assert.True(sample.Answers is null || SeedOrganization.Emails.Any(e => e.Key == sample.Answers), sample.Answers);
        Assert.True(sample.Regarding is null || IsRecord(sample.Regarding), sample.Regarding);
        Assert.True(sample.Sender is null or "" || sample.SenderCreated || IsRecord(sample.Sender), sample.Sender);
        Assert.All(sample.Queues ?? [], q => Assert.Contains(q, SeedOrganization.Queues.Select(s => s.Name)));
        Assert.EndsWith(".", sample.Why, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Files_are_small_name_nobody_real_and_have_known_placeholders(string file)
    {
        SampleMessage sample = Find(file);
        Assert.True(sample.Template.Length < 16_384);
        string text = Encoding.UTF8.GetString(sample.Template.Span);
        Assert.All(Domain().Matches(text), m => Assert.Matches(@"(?i)\.(test|example|invalid)$|\.example\.test$", m.Groups[1].Value));
        Assert.All(
            SampleTemplate.PlaceholdersOf(sample.Template.Span), p => Assert.Matches("^(base64:[0-9]+|router|(messageid|token|subject):[a-z0-9-]+)$", p));
        if (file is not ("bare-lf.eml" or "garbage.eml"))
            Assert.DoesNotContain('\n', text.Replace("\r\n", string.Empty, StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void The_router_reads_what_is_expected(string file)
    {
        SampleMessage sample = Find(file);
        byte[] bytes = SampleTemplate.Fill(sample.Template.Span, (name, argument) => name == "messageid" ? $"<{argument}@contoso.test>" : $"{name} {argument}");
        MimeMessage message = MimeMessage.Parse(bytes);
        var settings = new OrganizationSettings { OrganizationId = Guid.NewGuid(), MaxUploadFileSize = (int)SeedOrganization.Settings["maxuploadfilesize"]! };
        IncomingEmail email = IncomingEmailReader.Read(
            message, MessageClassifier.Classify(message), settings, null, null, DateTimeOffset.UnixEpoch, new List<Evidence>());

        if (sample.Subject is not null)
            Assert.Equal(sample.Subject, email.Subject);
        if (sample.Body is not null)
            Assert.Contains(sample.Body, email.Body.ReplaceLineEndings(" "), StringComparison.Ordinal);
        if (sample.Attachments is not null)
            Assert.Equal(sample.Attachments, email.Attachments.Select(a => a.FileName));
        Assert.Equal(sample.Notification ?? nameof(EmailNotification.None), email.Notification.ToString());
        Assert.Equal(sample.Reasons is not [DecisionReasons.MessageClassNotTracked or DecisionReasons.BounceMatched or DecisionReasons.BounceUnmatched], settings.AcceptedMessageClasses.Contains(email.MessageClass));
        if (sample.Reasons is not ["InvalidSender"])
            Assert.NotNull(email.From);
    }

    private static bool IsRecord(string words) =>
        SeedOrganization.Records.Any(r => $"{r.LogicalName} {r.Name}" == words) || SeedOrganization.Users.Any(u => $"systemuser {u.Name}" == words);

    private static SampleMessage Find(string file) => SampleSet.Load().Single(s => s.File == file);

    [GeneratedRegex(@"@([A-Za-z0-9\u0080-\uFFFF-]+(?:\.[A-Za-z0-9-]+)+)")]
    private static partial Regex Domain();
}
