using EmailRouter.Lab.Seed;

namespace EmailRouter.Lab.Tests.Seed;

public sealed class SeedOrganizationTests
{
    [Fact]
    public void It_has_twelve_users_three_queues_sixty_records_and_a_dozen_pending_emails()
    {
        Assert.Equal(12, SeedOrganization.Users.Count);
        Assert.Equal(3, SeedOrganization.Queues.Count);
        Assert.Equal(60, SeedOrganization.Records.Count);
        Assert.True(SeedOrganization.Emails.Count >= 12);
    }

    [Fact]
    public void Names_and_keys_are_unique_and_references_lead_somewhere()
    {
        string[] names =
        [
            .. SeedOrganization.Users.Select(u => u.Name),
            .. SeedOrganization.Queues.Select(q => q.Name),
            .. SeedOrganization.Records.Select(r => r.Name),
        ];
        Assert.Equal(names.Length, names.Distinct().Count());
        Assert.Equal(SeedOrganization.Emails.Count, SeedOrganization.Emails.Select(e => e.Key).Distinct().Count());
        Assert.All(SeedOrganization.Queues, q => Assert.Contains(q.Owner, names));
        Assert.All(SeedOrganization.Records, r => Assert.Contains(r.Owner, names));
        Assert.All(SeedOrganization.Emails, e => Assert.Contains(e.From, names));
        Assert.All(
            SeedOrganization.Emails.SelectMany(e => e.To.Concat(e.Cc)), t => Assert.True(t.Contains('@', StringComparison.Ordinal) || names.Contains(t), t));
        Assert.All(SeedOrganization.Emails, e => Assert.True(e.Regarding is null || names.Contains(e.Regarding), e.Regarding));
    }
}
