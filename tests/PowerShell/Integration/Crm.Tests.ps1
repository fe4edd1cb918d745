# The cmdlets that look into an embedded CRM and fill it.
BeforeAll {
    Import-Module "$PSScriptRoot/../TestUtils.psm1" -Force
    Import-Module (Get-ModulePath)
    $script:file = Join-Path $TestDrive 'router.json'
    $PSDefaultParameterValues['*-Router*:ConfigurationPath'] = $script:file
    $PSDefaultParameterValues['*-Crm*:ConfigurationPath'] = $script:file
    $null = New-RouterDeployment Main (Join-Path $TestDrive 'crm.db') -Create
    $script:user = New-CrmRecord systemuser @{ fullname = 'Max Weber'; internalemailaddress = 'max@example.test'; outgoingemaildeliverymethod = 'Router' }
    $null = New-CrmRecord queue @{ name = 'Support'; emailaddress = 'support@example.test'; ownerid = $script:user }
}

AfterAll {
    $PSDefaultParameterValues.Remove('*-Router*:ConfigurationPath')
    $PSDefaultParameterValues.Remove('*-Crm*:ConfigurationPath')
}

Describe 'Records of an embedded CRM' -Tag Integration {
    It 'are made, found by any way, and changed' {
        $made = New-CrmRecord contact @{ firstname = 'Lea'; lastname = 'Koch'; emailaddress1 = 'lea@example.test' }
        $made.Id | Should -Not -Be ([guid]::Empty)
        (Get-CrmRecord contact -Id $made.Id).emailaddress1 | Should -Be 'lea@example.test'
        (Get-CrmRecord contact *Koch).Id | Should -Be $made.Id
        (Get-CrmRecord contact -Address LEA@example.test).Id | Should -Be $made.Id
        (Get-CrmRecord contact -Attributes @{ lastname = 'Koch' }).Id | Should -Be $made.Id
        $made | Set-CrmRecord -Attributes @{ emailaddress1 = 'koch@example.test' } | Should -BeNullOrEmpty
        ($made | Get-CrmRecord).emailaddress1 | Should -Be 'koch@example.test'
    }

    It 'are imported from CSV, and an object that is wrong does not hold up the others' {
        $csv = Join-Path $TestDrive 'contacts.csv'
        Set-Content $csv 'firstname,lastname,emailaddress1', 'Ann,One,ann@example.test', 'Bob,Two,', 'Cid,Three,cid@example.test'
        Import-Csv $csv | Import-CrmRecord contact | Should -BeNullOrEmpty
        (Get-CrmRecord contact -Name 'Bob*').emailaddress1 | Should -BeNullOrEmpty
        $made = [pscustomobject]@{ name = 'Good' }, [pscustomobject]@{ nonsense = 1 }, [pscustomobject]@{ name = 'Better'; nonsense = 2 } |
            Import-CrmRecord account -PassThru -ErrorAction SilentlyContinue -ErrorVariable errors
        $made.name | Should -Be 'Good'
        $errors.FullyQualifiedErrorId | Should -BeLike 'CrmColumnUnknown,*'
        [pscustomobject]@{ name = 'Better'; nonsense = 2 } | Import-CrmRecord account -IgnoreUnknown -PassThru | ForEach-Object name | Should -Be 'Better'
    }

    It 'change nothing under -WhatIf' {
        New-CrmRecord lead @{ lastname = 'X' } -WhatIf | Should -BeNullOrEmpty
        [pscustomobject]@{ lastname = 'X' } | Import-CrmRecord lead -WhatIf
        Get-CrmRecord lead | Should -BeNullOrEmpty
        Get-CrmRecord systemuser | Set-CrmRecord -Attributes @{ fullname = 'Y' } -WhatIf
        (Get-CrmRecord systemuser).fullname | Should -Be 'Max Weber'
    }

    It 'say what is wrong: <Id>' -ForEach @(
        @{ Id = 'CrmTableUnknown'; Script = { Get-CrmRecord nothing } }
        @{ Id = 'CrmRecordNotFound'; Script = { Get-CrmRecord contact -Id ([guid]::NewGuid()) } }
        @{ Id = 'CrmColumnUnknown'; Script = { New-CrmRecord contact @{ nonsense = 1 } } }
        @{ Id = 'CrmRecordMissing'; Script = { Set-CrmRecord contact ([guid]::NewGuid()) -Attributes @{ lastname = 'X' } } }
        @{ Id = 'RouterDeploymentNotFound'; Script = { Get-CrmRecord contact -Deployment Nobody } }
    ) {
        $ErrorActionPreference = 'Continue'
        $record = try { & $Script 2>&1 } catch { $_ }
        $record.FullyQualifiedErrorId | Should -BeLike "$Id,*"
        $record.ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
        $record.CategoryInfo.Category | Should -Not -Be 'NotSpecified'
    }
}

Describe 'Email activities of an embedded CRM' -Tag Integration {
    It 'are made as drafts or for sending, with everything that belongs to them' {
        $account = New-CrmRecord account @{ name = 'Fabrikam'; emailaddress1 = 'info@fabrikam.test' }
        $attachment = Join-Path $TestDrive 'offer.txt'
        Set-Content $attachment 'An offer.'
        $draft = New-CrmEmailActivity -From 'Max Weber' -To $account, 'a@example.test; b@example.test' -Cc c@example.test -Subject 'Offer' -Body '<p>See the file.</p>' -Regarding $account -Attachment $attachment -Priority High
        $draft.Status | Should -Be 'Draft'
        $draft.Regarding.Name | Should -Be 'Fabrikam'
        @($draft.Parties.Where{ $_.Role -eq 'To' }).Count | Should -Be 3
        $draft.Attachments[0].FileName | Should -Be 'offer.txt'
        $draft.Attachments[0].MimeType | Should -Be 'text/plain'
        (New-CrmEmailActivity -From support@example.test -To a@example.test -Subject 'Sent' -Body 'x' -Send).Status | Should -Be 'PendingSend'
    }

    It 'are found by any way' {
        $made = New-CrmEmailActivity -From Support -To find@example.test -Subject 'Find me' -Body 'x' -Send
        (Get-CrmEmailActivity -Subject 'Find*').ActivityId | Should -Be $made.ActivityId
        (Get-CrmEmailActivity -Address find@example.test).ActivityId | Should -Be $made.ActivityId
        (Get-CrmEmailActivity -Status PendingSend -Direction Outgoing).ActivityId | Should -Contain $made.ActivityId
        ($made | Get-CrmEmailActivity).ActivityId | Should -Be $made.ActivityId
        @(Get-CrmEmailActivity -First 1).Count | Should -Be 1
    }

    It 'are imported from objects, and an object that is wrong does not hold up the others' {
        $made = @(
            [pscustomobject]@{ From = 'Support'; To = 'x@example.test;y@example.test'; Subject = 'First'; Body = 'one'; MimeType = 'text/plain' }
            [pscustomobject]@{ From = 'nobody@example.test'; To = 'x@example.test'; Subject = 'Second'; Body = 'two' }
            [pscustomobject]@{ From = 'support@example.test'; To = 'x@example.test'; Subject = 'Third'; Body = 'three' }
        ) | Import-CrmEmailActivity -Send -PassThru -ErrorAction SilentlyContinue -ErrorVariable errors
        $made.Status | Should -Be 'PendingSend', 'PendingSend'
        $made[0].MimeType | Should -Be 'text/plain'
        $made[1].MimeType | Should -Be 'text/html'
        $errors.FullyQualifiedErrorId | Should -BeLike 'RouterMailboxNotFound,*'
    }

    It 'change nothing under -WhatIf' {
        $before = @(Get-CrmEmailActivity).Count
        New-CrmEmailActivity -From Support -To a@example.test -Subject 'X' -Body 'x' -WhatIf | Should -BeNullOrEmpty
        [pscustomobject]@{ From = 'Support'; To = 'a@example.test'; Subject = 'X'; Body = 'x' } | Import-CrmEmailActivity -WhatIf
        @(Get-CrmEmailActivity).Count | Should -Be $before
    }

    It 'say what is wrong: <Id>' -ForEach @(
        @{ Id = 'RouterMailboxNotFound'; Script = { New-CrmEmailActivity -From nobody -To a@example.test -Subject 'X' } }
        @{ Id = 'RouterPathNotFound'; Script = { New-CrmEmailActivity -From Support -To a@example.test -Subject 'X' -Attachment ./nothing.pdf } }
        @{ Id = 'RouterParameterInvalid'; Script = { New-CrmEmailActivity -From Support -To a@example.test -Subject 'X' -Regarding 5 } }
        @{ Id = 'CrmRecordNotFound'; Script = { Get-CrmEmailActivity ([guid]::NewGuid()) } }
    ) {
        $ErrorActionPreference = 'Continue'
        $record = try { & $Script 2>&1 } catch { $_ }
        $record.FullyQualifiedErrorId | Should -BeLike "$Id,*"
        $record.ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
    }
}

Describe 'A CRM that cannot be used' -Tag Integration {
    It 'is reported when its file is missing' {
        $other = Join-Path $TestDrive "$(New-Guid)"
        $null = New-RouterDeployment Gone "$other.db" -Create -ConfigurationPath "$other.json"
        Remove-Item "$other.db*"
        Get-RouterMailbox -ConfigurationPath "$other.json" -ErrorAction SilentlyContinue -ErrorVariable errors
        $errors[0].FullyQualifiedErrorId | Should -BeLike 'CrmStore*,*'
        $errors[0].TargetObject | Should -Be 'Gone'
        "$other.db" | Should -Not -Exist
    }

    It 'is reported when its file is damaged, and the other deployments go on' {
        $other = Join-Path $TestDrive "$(New-Guid)"
        $null = New-RouterDeployment Bad "$other.db" -Create -ConfigurationPath "$other.json"
        $null = New-RouterDeployment Good "$other.good.db" -Create -ConfigurationPath "$other.json"
        $null = New-CrmRecord systemuser @{ fullname = 'Eve'; internalemailaddress = 'eve@example.test' } -Deployment Good -ConfigurationPath "$other.json"
        Remove-Item "$other.db-*"
        [IO.File]::WriteAllBytes("$other.db", [byte[]](1..255 * 40))
        $found = Get-RouterMailbox -ConfigurationPath "$other.json" -ErrorAction SilentlyContinue -ErrorVariable errors
        $found.Name | Should -Be 'Eve'
        $errors[0].FullyQualifiedErrorId | Should -BeLike 'CrmStoreCorrupt,*'
        $errors[0].CategoryInfo.Category | Should -Be 'InvalidData'
        $errors[0].ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
    }
}
