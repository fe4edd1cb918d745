using EmailRouter.Routing.Tracking;

namespace EmailRouter.Routing.Tests.Tracking;

public sealed class ActivityIdTests
{
    private static readonly Guid organization = new("0a000000-0000-0000-0000-000000000001");

    [Fact]
    public void The_same_message_in_the_same_organization_gives_the_same_id() =>
        Assert.Equal(ActivityId.For(organization, "<a@x.test>", [1, 2], true), ActivityId.For(organization, "<a@x.test>", [1, 2], true));

    // The id is written into organizations: a change of the algorithm would promote everything anew.
    [Fact]
    public void The_id_never_changes_between_versions() =>
        Assert.Equal(PinnedId, ActivityId.For(organization, "<a@x.test>", [1, 2, 3], true).ToString());

    [Fact]
    public void Another_organization_message_id_or_content_gives_another_id()
    {
        Guid[] ids =
        [
            ActivityId.For(organization, "<a@x.test>", [1], true),
            ActivityId.For(Guid.Empty, "<a@x.test>", [1], true),
            ActivityId.For(organization, "<b@x.test>", [1], true),
            ActivityId.For(organization, "<a@x.test>", [2], true),
            ActivityId.For(organization, "<a@x.test>", [1], false),
        ];

        Assert.Equal(ids.Length, ids.Distinct().Count());
    }

    [Fact]
    public void Without_a_message_id_the_content_alone_counts() =>
        Assert.Equal(ActivityId.For(organization, "<made-1@router>", [1], false), ActivityId.For(organization, "<made-2@router>", [1], false));

    [Fact]
    public void Message_id_and_content_are_kept_apart() =>
        Assert.NotEqual(ActivityId.For(organization, "<a>", "b"u8, true), ActivityId.For(organization, "<a>b", ""u8, true));

    [Fact]
    public void A_sender_has_one_id_in_any_case_and_one_for_each_table()
    {
        Assert.Equal(ActivityId.ForSender(organization, "contact", "Carl@X.test"), ActivityId.ForSender(organization, "contact", " carl@x.test "));
        Assert.NotEqual(ActivityId.ForSender(organization, "contact", "carl@x.test"), ActivityId.ForSender(organization, "lead", "carl@x.test"));
        Assert.NotEqual(ActivityId.ForSender(organization, "contact", "carl@x.test"), ActivityId.ForSender(Guid.Empty, "contact", "carl@x.test"));
    }

    private const string PinnedId = "2d05fd3b-3274-55bd-8ca0-2f6906d8e448";
}
