using System.Xml.Linq;
using EmailRouter.Crm.Organization;
using EmailRouter.Crm.Tests.Dataverse;
using static EmailRouter.Crm.Tests.Organization.ScriptedOrganizationService;

namespace EmailRouter.Crm.Tests.Organization;

/// <summary>The server decides: what it is asked, and what its answers mean.</summary>
public sealed class OrganizationServiceOrganizationTests : IAsyncDisposable
{
    private static readonly Guid made = new("eeeeeeee-0000-0000-0000-00000000000a");

    private readonly ScriptedOrganizationService server = new();
    private readonly OrganizationServiceOrganization organization;

    public OrganizationServiceOrganizationTests() => organization = new OrganizationServiceOrganization(new OrganizationServiceStore(ScriptedServer.Endpoint, server.Http.Context));

    public ValueTask DisposeAsync() => organization.DisposeAsync();

    [Theory]
    [InlineData(-1, false, CheckReason.Unknown)]
    [InlineData(1, false, CheckReason.NoCorrelationMatch)]
    [InlineData(2, true, CheckReason.CorrelationMatch)]
    [InlineData(5, true, CheckReason.SenderMatch)]
    [InlineData(99, true, CheckReason.Unknown)]
    public async Task The_servers_word_counts_with_its_reason(int code, bool delivers, CheckReason reason)
    {
        server.Answer = m => m.Name == "CheckIncomingEmail" ? Check(code, delivers) : null;

        CheckResult check = await organization.CheckAsync(Email(), default);

        Assert.Equal((reason, delivers), (check.Reason, check.ShouldDeliver));
        Message asked = server.Messages[^1];
        Assert.Equal(("<a1@customer.test>", "carl@customer.test", "anna@example.test;ben@example.test", ""), (asked["MessageId"], asked["From"], asked["To"], asked["Bcc"]));
    }

    [Fact]
    public async Task A_duplicate_names_the_activity_that_is_there()
    {
        server.Answer = m => m.Name == "CheckIncomingEmail" ? Check(0, false) : null;
        server.Tables["email"] = [Entity("email", made, Result("activityid", "d:guid", made.ToString()))];

        CheckResult check = await organization.CheckAsync(Email(), default);
        DeliverResult delivered = await organization.DeliverAsync(Email(), check, default);

        Assert.Equal((made, false), (delivered.ActivityId, delivered.Created));
        Assert.DoesNotContain(server.Messages, m => m.Name == "DeliverIncomingEmail");
    }

    [Fact]
    public async Task The_nearest_email_that_the_organization_has_is_told_as_the_one_it_answers()
    {
        server.Answer = m => m.Name == "CheckIncomingEmail" ? Check(2, true) : null;
        server.Rows = fetch => fetch.ToString().Contains("&lt;older@x&gt;", StringComparison.Ordinal) ? [Entity("email", made, Text("messageid", "<older@x>"))] : null;
        IncomingEmail email = Email() with { InReplyTo = ["<nearest@x>"], References = ["<first@x>", "<older@x>", "<nearest@x>"], ConversationIndex = "AdKS" };

        await organization.CheckAsync(email, default);

        XElement extras = server.Messages[^1].Parameters["ExtraProperties"];
        Assert.Equal(["inreplyto<older@x>", "conversationindexAdKS"], extras.Elements().First().Elements().Select(p => p.Value));
        Assert.Equal("email", extras.Elements().Single(e => e.Name.LocalName == "LogicalName").Value);
    }

    [Fact]
    public async Task A_server_that_refuses_to_be_told_what_is_answered_is_told_no_more()
    {
        server.Answer = m => m.Name != "CheckIncomingEmail" ? null
            : m.Parameters.ContainsKey("ExtraProperties") ? Fault(unchecked((int)0x80040203), "ExtraProperties is for internal use only.") : Check(1, false);
        IncomingEmail email = Email() with { InReplyTo = ["<nearest@x>"] };

        Assert.Equal(CheckReason.NoCorrelationMatch, (await organization.CheckAsync(email, default)).Reason);
        await organization.CheckAsync(email, default);

        Assert.Equal([true, false, false], server.Messages.Where(m => m.Name == "CheckIncomingEmail").Select(m => m.Parameters.ContainsKey("ExtraProperties")));
    }

    [Fact]
    public async Task Delivering_sends_everything_with_its_type()
    {
        server.Answer = m => m.Name switch
        {
            "CheckIncomingEmail" => Check(6, true),
            "DeliverIncomingEmail" => Result("EmailId", "d:guid", made.ToString()),
            _ => null,
        };

        DeliverResult delivered = await organization.DeliverAsync(Email(), await organization.CheckAsync(Email(), default), default);

        Assert.Equal((made, true), (delivered.ActivityId, delivered.Created));
        Message sent = server.Messages[^1];
        Assert.Equal(["MessageId", "Subject", "From", "To", "Cc", "Bcc", "ReceivedOn", "SubmittedBy", "Importance", "Body", "Attachments", "ValidateBeforeCreate"], sent.Parameters.Keys);
        Assert.Equal(("2026-01-31T08:05:00Z", "high", "true"), (sent["ReceivedOn"], sent["Importance"], sent["ValidateBeforeCreate"]));
        Assert.Contains("SGVsbG8=", sent["Attachments"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_was_slower_finds_what_the_faster_made_and_other_faults_are_told()
    {
        bool isThere = true;
        server.Answer = m => m.Name switch
        {
            "CheckIncomingEmail" => Check(6, true),
            "DeliverIncomingEmail" => Fault(unchecked((int)0x80040265), "The plug-in says no."),
            _ => null,
        };
        server.Rows = _ => isThere ? [Entity("email", made, Result("activityid", "d:guid", made.ToString()))] : [];
        CheckResult check = await organization.CheckAsync(Email(), default);

        Assert.Equal((made, false), ((await organization.DeliverAsync(Email(), check, default)) is { } late ? (late.ActivityId, late.Created) : default));
        isThere = false;
        CrmException refused = await Assert.ThrowsAsync<CrmException>(() => organization.DeliverAsync(Email(), check, default).AsTask());
        Assert.Equal("CrmPluginRefused", refused.ErrorId);
    }

    [Fact]
    public async Task An_answer_without_its_results_is_unreadable()
    {
        CrmException wrong = await Assert.ThrowsAsync<CrmException>(() => organization.CheckAsync(Email(), default).AsTask());

        Assert.Equal("CrmAnswerUnreadable", wrong.ErrorId);
    }

    private static string Check(int code, bool delivers) => Result("ShouldDeliver", "c:boolean", delivers ? "true" : "false") + Result("ReasonCode", "c:int", code.ToString(System.Globalization.CultureInfo.InvariantCulture));

    private static IncomingEmail Email() => new()
    {
        ActivityId = Guid.NewGuid(),
        MessageId = "<a1@customer.test>",
        Subject = "RE: Order 4711 CRM:0001042",
        From = new EmailAddress("carl@customer.test"),
        To = [new EmailAddress("anna@example.test"), new EmailAddress("ben@example.test")],
        ReceivedOn = new DateTimeOffset(2026, 1, 31, 8, 5, 0, TimeSpan.Zero),
        Priority = EmailPriority.High,
        Body = "<p>Thanks</p>",
        BodyType = "text/html",
        Attachments = [new EmailAttachment("a.txt", "text/plain", 5, _ => ValueTask.FromResult<Stream>(new MemoryStream("Hello"u8.ToArray())))],
    };
}
