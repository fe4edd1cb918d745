using EmailRouter.Crm;
using EmailRouter.Routing.Tracking;

namespace EmailRouter.Routing.Tests.Tracking;

public sealed class InternalMailTests
{
    private readonly Office office = new();

    [Fact]
    public async Task A_user_s_address_is_no_proof_and_the_evidence_says_so()
    {
        TrackingCheckResult check = await office.Check(Office.Message(Office.Ben, Office.Support));

        string text = Assert.Single(check.Evidence, e => e.Rule == TrackingRules.InternalSender).Text;
        Assert.Contains("user \"Ben Roth\"", text, StringComparison.Ordinal);
        Assert.Contains("Nothing in the message proves", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_user_s_second_address_is_internal_too()
    {
        office.Add("b.roth@private.test", Office.BenRecord, column: "personalemailaddress").Set(s => s with { IgnoreInternalEmail = true });

        Assert.Equal(CheckReason.InternalEmailReject, (await office.Check(Office.Message("b.roth@private.test", Office.Anna))).Reason);
    }

    [Fact]
    public async Task A_contact_with_a_user_s_address_does_not_make_the_email_external()
    {
        office.Store.Owners[Office.Ben].Insert(0, new AddressOwner { Record = Office.CarlRecord, IsActive = true, Column = "emailaddress1" });
        office.Set(s => s with { IgnoreInternalEmail = true, UnresolveSenderIfMultipleMatch = true });

        Assert.Equal(CheckReason.InternalEmailReject, (await office.Check(Office.Message(Office.Ben, Office.Anna))).Reason);
    }

    [Fact]
    public async Task Ignored_internal_email_is_not_correlated_at_all()
    {
        office.Set(s => s with { IgnoreInternalEmail = true });

        TrackingCheckResult check = await office.Check(Office.Message(Office.Ben, Office.Anna) with { InReplyTo = [Office.SentMessageId] });

        Assert.Equal(EvidenceVerdict.Skipped, Assert.Single(check.Evidence, e => e.Rule == TrackingRules.CorrelationInReplyTo).Verdict);
    }
}
