using System.Text;
using EmailRouter.Crm;
using EmailRouter.Mime;
using EmailRouter.Mime.Tests.Tnef;
using EmailRouter.Routing.Incoming.Forwarding;
using EmailRouter.Routing.Tracking;

namespace EmailRouter.Routing.Tests.Incoming.Forwarding;

public sealed class ForwardMailboxTests
{
    private const string Address = "crm@forward.test";
    private const string Inner = "From: Ann <ann@adatum.test>\nTo: team@example.test\nSubject: hello\nMessage-ID: <m1@adatum.test>\nDate: Mon, 2 Mar 2026 08:00:00 +0000\n\nhi\n";

    private static readonly ForwardMailbox Reader = new(
        Address,
        new MailboxDirectory(
        [
            Box("sue@example.test", DeliveryMethod.ForwardMailbox),
            Box("tom@example.test", DeliveryMethod.ForwardMailbox),
            Box("polled@example.test", DeliveryMethod.Router),
            Box(Address, DeliveryMethod.Router, CrmMailboxKind.Forward),
        ]));

    private readonly List<Evidence> evidence = [];

    [Fact]
    public void A_wrapped_message_is_taken_out_byte_for_byte()
    {
        ForwardedMail found = Read(Wrap(Inner));

        Assert.Equal(("sue@example.test", true), (found.Owner?.Address, found.IsWrapped));
        Assert.Equal(Inner.ReplaceLineEndings("\r\n"), Encoding.UTF8.GetString(found.Message.Source.Span));
        Assert.Contains(evidence, e => e.Rule == "ForwardMailbox" && e.Text.Contains("so says From", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("Delivered-To: crm+sue=example.test@forward.test\nDelivered-To: tom@example.test\nX-EmailRouter-Mailbox: tom@example.test", "plus-address")]
    [InlineData("X-EmailRouter-Mailbox: sue@example.test\nDelivered-To: tom@example.test", "X-EmailRouter-Mailbox")]
    [InlineData("X-Sieve-Redirected-From: sue\nDelivered-To: tom@example.test", "X-Sieve-Redirected-From")]
    [InlineData("Delivered-To: crm@forward.test\nDelivered-To: SUE@example.test\nResent-From: tom@example.test", "Delivered-To")]
    [InlineData("X-Original-To: sue@example.test", "X-Original-To")]
    [InlineData("Envelope-To: sue@example.test", "Envelope-To")]
    [InlineData("Resent-From: Sue <sue@example.test>\nX-MS-Exchange-Inbox-Rules-Loop: tom@example.test", "Resent-From")]
    [InlineData("X-MS-Exchange-Inbox-Rules-Loop: sue@example.test", "X-MS-Exchange-Inbox-Rules-Loop")]
    [InlineData("X-Forwarded-For: sue@example.test crm@forward.test", "X-Forwarded-For")]
    public void A_redirected_message_says_in_a_fixed_order_whose_it_is(string headers, string source)
    {
        ForwardedMail found = Read(headers + "\n" + Inner);

        Assert.Equal(("sue@example.test", false), (found.Owner?.Address, found.IsWrapped));
        Assert.Equal("<m1@adatum.test>", found.Message.MessageId);
        Assert.Contains(evidence, e => e.Text.Contains(source, StringComparison.Ordinal));
    }

    [Fact]
    public void Where_nothing_else_is_said_the_one_recipient_counts_who_can_have_forwarded_it()
    {
        Assert.Equal("sue@example.test", Read(Inner.Replace("team@", "sue@", StringComparison.Ordinal)).Owner?.Address);

        ForwardedMail two = Read(Inner.Replace("team@example.test", "sue@example.test, tom@example.test", StringComparison.Ordinal));

        Assert.Null(two.Owner);
        Assert.Equal(DecisionReasons.ForwardOwnerUnknown, two.Reason);
        Assert.Contains("sue@example.test, tom@example.test", two.Explanation, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Delivered-To: somebody@example.test", DecisionReasons.ForwardOwnerUnknown)]
    [InlineData("Delivered-To: polled@example.test", DecisionReasons.ForwardOwnerElsewhere)]
    [InlineData("X-EmailRouter-Mailbox: not an address at all,,<>", DecisionReasons.ForwardOwnerUnknown)]
    public void What_nobody_can_be_found_for_is_left_for_a_person(string header, string reason)
    {
        ForwardedMail found = Read(header + "\n" + Inner);

        Assert.Equal((null, reason), (found.Owner, found.Reason));
        Assert.NotEmpty(found.Explanation);
        Assert.Contains(evidence, e => e.Verdict == EvidenceVerdict.Reject);
    }

    [Fact]
    public void A_message_that_a_customer_attached_stays_attached()
    {
        string mail = Wrap(Inner, from: "ann@adatum.test", to: "sue@example.test", extra: "Delivered-To: sue@example.test\nX-MS-Exchange-Inbox-Rules-Loop: sue@example.test\n");

        ForwardedMail found = Read(mail);

        Assert.Equal(("sue@example.test", false, "FW: hello"), (found.Owner?.Address, found.IsWrapped, found.Message.Subject));
        Assert.Contains(evidence, e => e.Text.Contains("left where it is", StringComparison.Ordinal));
    }

    [Fact]
    public void A_colleague_who_attached_a_message_forwarded_nothing_by_a_rule()
    {
        // Redirected by Sue's rule, written by Tom: what Tom attached is part of what he wrote.
        ForwardedMail found = Read(Wrap(Inner, from: "tom@example.test", to: "sue@example.test", extra: "X-MS-Exchange-Inbox-Rules-Loop: sue@example.test\n"));

        Assert.Equal(("sue@example.test", false, "FW: hello"), (found.Owner?.Address, found.IsWrapped, found.Message.Subject));
    }

    [Fact]
    public void A_stranger_cannot_have_a_message_unwrapped()
    {
        ForwardedMail found = Read(Wrap(Inner, from: "eve@evil.test"));

        Assert.Equal((null, DecisionReasons.ForwardOwnerUnknown), (found.Owner, found.Reason));
    }

    [Fact]
    public void What_the_router_itself_sent_is_never_unwrapped()
    {
        ForwardedMail found = Read(Wrap(Inner, extra: "X-EmailRouter-Loop: router 1\n"));

        Assert.False(found.IsWrapped);
        Assert.Equal("FW: hello", found.Message.Subject);
    }

    [Fact]
    public void Wrappers_of_rules_within_each_other_are_opened_and_what_a_person_attached_is_not()
    {
        string byPerson = Wrap(Inner, from: "ann@adatum.test", to: "tom@example.test");
        string byTom = Wrap(byPerson, from: "tom@example.test", to: "sue@example.test", extra: "X-MS-Exchange-Generated-Message-Source: Mailbox Rules Agent\n");

        ForwardedMail found = Read(Wrap(byTom));

        Assert.Equal(("sue@example.test", true), (found.Owner?.Address, found.IsWrapped));
        Assert.Equal("ann@adatum.test", found.Message.From[0].Address);
        Assert.Equal("FW: hello", found.Message.Subject);
        Assert.Contains(evidence, e => e.Text.Contains("2 rules", StringComparison.Ordinal));
    }

    [Fact]
    public void Wrappers_without_end_come_to_an_end()
    {
        string mail = Inner;
        for (int i = 0; i < 20; i++)
            mail = Wrap(mail, from: i % 2 == 0 ? "tom@example.test" : "sue@example.test", to: "sue@example.test", extra: "X-MS-Exchange-Parent-Message-Id: <x>\n");

        ForwardedMail found = Read(Wrap(mail));

        Assert.True(found.IsWrapped);
        Assert.Equal("FW: hello", found.Message.Subject);
    }

    [Fact]
    public void Several_attached_messages_are_no_work_of_a_rule()
    {
        string two = Wrap(Inner).Replace("--b--", "--b\nContent-Type: message/rfc822\n\n" + Inner + "\n--b--", StringComparison.Ordinal);

        ForwardedMail found = Read(two);

        Assert.Equal((null, DecisionReasons.ForwardNotUnwrapped), (found.Owner, found.Reason));
    }

    [Theory]
    [InlineData(1, "sue@example.test", true)]
    [InlineData(2, null, false)]
    public void A_message_that_Outlook_packed_is_taken_out_where_it_is_the_only_one(int count, string? owner, bool isWrapped)
    {
        var packed = new TnefBuilder().Message(TnefBuilder.Unicode(0x0037, "FW: hello"));
        for (int i = 0; i < count; i++)
        {
            byte[] inner = new TnefBuilder().Message(
                TnefBuilder.Unicode(0x0037, "hello"), TnefBuilder.Unicode(0x0C1F, "ann@adatum.test"), TnefBuilder.Unicode(0x0C1E, "SMTP"), TnefBuilder.Unicode(0x1035, "<m1@adatum.test>"),
                TnefBuilder.Unicode(0x1000, "hi")).Bytes;
            packed.Attachment("hello", [], TnefBuilder.Long(0x3705, 5), TnefBuilder.Object(0x3701, inner));
        }

        ForwardedMail found = Read(
            $"From: <sue@example.test>\nTo: <{Address}>\nSubject: FW: hello\nMIME-Version: 1.0\nContent-Type: application/ms-tnef; name=winmail.dat\nContent-Transfer-Encoding: base64\n\n"
            + Convert.ToBase64String(packed.Bytes, Base64FormattingOptions.InsertLineBreaks) + "\n");

        Assert.Equal((owner, isWrapped, isWrapped ? "hello" : "FW: hello"), (found.Owner?.Address, found.IsWrapped, found.Message.Subject));
        Assert.Equal(count, evidence.Count(e => e.Text.Contains("winmail.dat", StringComparison.Ordinal)));
        if (isWrapped)
            Assert.Equal("<m1@adatum.test>", found.Message.MessageId);
        else
            Assert.Equal(DecisionReasons.ForwardNotUnwrapped, found.Reason);
    }

    [Fact]
    public void Mail_written_to_the_forward_mailbox_itself_is_no_forwarded_mail()
    {
        ForwardedMail inline = Read("From: sue@example.test\nTo: crm@forward.test\nSubject: FW: hello\n\n-----Original Message-----\nFrom: Ann\n");

        Assert.Equal((null, DecisionReasons.ForwardNotUnwrapped), (inline.Owner, inline.Reason));
    }

    [Fact]
    public void The_trace_of_the_attached_message_counts_where_the_wrapper_says_nothing()
    {
        string wrapper = Wrap("Delivered-To: sue@example.test\n" + Inner, from: "rules@servers.test", extra: "X-MS-Exchange-Generated-Message-Source: Mailbox Rules Agent\n");

        ForwardedMail found = Read(wrapper);

        Assert.Equal(("sue@example.test", true), (found.Owner?.Address, found.IsWrapped));
        Assert.Contains(evidence, e => e.Text.Contains("of the attached message", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n\n")]
    [InlineData("From: sue@example.test\nTo: crm@forward.test\nContent-Type: message/rfc822\n\n")]
    [InlineData("From: sue@example.test\nTo: crm@forward.test\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n!!!\n--b--\n")]
    [InlineData("Content-Type: application/ms-tnef\n\nno tnef")]
    public void Broken_messages_are_read_as_far_as_they_go(string message) => Assert.NotNull(Read(message).Message);

    internal static string Wrap(string inner, string from = "sue@example.test", string to = Address, string extra = "") =>
        $"{extra}From: <{from}>\nTo: <{to}>\nSubject: FW: hello\nMessage-ID: <w{inner.Length}@example.test>\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"b{(inner.Contains("boundary", StringComparison.Ordinal) ? inner.Length : string.Empty)}\"\n\n"
        + Part(inner);

    private static string Part(string inner)
    {
        string b = inner.Contains("boundary", StringComparison.Ordinal) ? "b" + inner.Length : "b";
        return $"--{b}\nContent-Type: message/rfc822\nContent-Disposition: attachment\n\n{inner}\n--{b}--\n";
    }

    private static CrmMailbox Box(string address, DeliveryMethod incoming, CrmMailboxKind kind = CrmMailboxKind.User) => new()
    {
        Owner = new RecordReference(kind == CrmMailboxKind.Forward ? "mailbox" : "systemuser", Guid.NewGuid(), address),
        Kind = kind,
        Address = address,
        IncomingDelivery = incoming,
        OutgoingDelivery = DeliveryMethod.Router,
        Filter = FilteringMethod.All,
        Approval = AccessApproval.Approved,
        IsActive = true,
        OwnerUserId = Guid.NewGuid(),
    };

    private ForwardedMail Read(string message) => Reader.Read(MimeMessage.Parse(Encoding.UTF8.GetBytes(message.ReplaceLineEndings("\r\n"))), evidence);
}
