namespace EmailRouter.Lab.Exchange;

/// <summary>The schema versions of EWS, oldest first.</summary>
public enum EwsVersion
{
    /// <summary>Exchange 2007.</summary>
    Exchange2007,

    /// <summary>Exchange 2007 SP1.</summary>
    Exchange2007SP1,

    /// <summary>Exchange 2010.</summary>
    Exchange2010,

    /// <summary>Exchange 2010 SP1: the first with inbox rules and streaming.</summary>
    Exchange2010SP1,

    /// <summary>Exchange 2010 SP2.</summary>
    Exchange2010SP2,

    /// <summary>Exchange 2013.</summary>
    Exchange2013,

    /// <summary>Exchange 2013 SP1.</summary>
    Exchange2013SP1,

    /// <summary>Later servers.</summary>
    Exchange2015,

    /// <summary>Exchange 2016 and later.</summary>
    Exchange2016,
}
